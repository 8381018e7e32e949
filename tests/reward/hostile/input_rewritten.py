# Changes the file its input comes from.
import os
try:
    fd = os.open('/proc/self/fd/0', os.O_RDWR)
    os.write(fd, b'x' * 4096)
    print('ESCAPED', flush=True)
except OSError:
    pass
try:
    os.ftruncate(0, 1 << 30)
    print('ESCAPED', flush=True)
except OSError:
    pass
