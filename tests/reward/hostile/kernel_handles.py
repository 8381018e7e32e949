# Opens files by their handles, whatever the mount.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


handle = ctypes.create_string_buffer(128)
handle[0] = 100
call('name_to_handle_at', 303, -100, b'/usr', handle, ctypes.create_string_buffer(8), 0)
call('open_by_handle_at', 304, 0, handle, 0)
