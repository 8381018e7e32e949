# Takes the open files of another process.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


for pid in [1, 2, os.getppid()]:
    fd = libc.syscall(434, pid, 0)
    for number in range(10):
        call('fd', 438, fd, number, 0)
