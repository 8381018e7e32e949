# Mounts a file system.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


os.mkdir('/tmp/m')
call('tmpfs', 165, b'none', b'/tmp/m', b'tmpfs', 0, 0)
call('proc', 165, b'none', b'/tmp/m', b'proc', 0, 0)
call('bind', 165, b'/usr', b'/tmp/m', 0, 4096, 0)
call('umount', 166, b'/usr', 2)
call('fsopen', 430, b'tmpfs', 0)
call('open_tree', 428, -100, b'/', 1)
