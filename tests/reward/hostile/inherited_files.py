# Uses descriptors it should not have.
import os
for fd in range(3, 256):
    try:
        os.fstat(fd)
        print('ESCAPED', fd, os.readlink('/proc/self/fd/%d' % fd), flush=True)
    except OSError:
        pass
