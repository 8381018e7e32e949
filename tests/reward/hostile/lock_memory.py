# Locks memory.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


call('mlockall', 151, 3)
buffer = ctypes.create_string_buffer(1 << 20)
call('mlock', 149, buffer, 1 << 20)
