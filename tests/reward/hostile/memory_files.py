# Keeps its memory in files that no process maps.
import os
try:
    while True:
        fd = os.memfd_create('hoard')
        os.write(fd, b'x' * (1 << 26))
except OSError:
    pass
try:
    os.memfd_create('one')
    print('ESCAPED memfd', flush=True)
except OSError:
    pass
