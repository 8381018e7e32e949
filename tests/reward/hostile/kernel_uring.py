# Makes its calls by io_uring, out of sight of the filter.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


buffer = ctypes.create_string_buffer(256)
call('io_uring_setup', 425, 8, buffer)
call('userfaultfd', 323, 0)
call('userfaultfd', 323, 1)
