# Fills pipes and sockets without end.
import os, socket
held = []
while True:
    try:
        r, w = os.pipe()
        os.set_blocking(w, False)
        os.write(w, b'x' * 65536)
        held.append(socket.socketpair())
    except OSError:
        pass
