# Changes its root to walk out of it.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


call('chroot', 161, b'/tmp')
call('pivot_root', 155, b'/tmp', b'/tmp')
