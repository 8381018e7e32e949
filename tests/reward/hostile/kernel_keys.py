# Uses the key rings of the kernel.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


call('add_key', 248, b'user', b'a', b'b', 1, -3)
call('keyctl', 250, 0, -3, 1)
call('request_key', 249, b'user', b'a', 0, -3)
