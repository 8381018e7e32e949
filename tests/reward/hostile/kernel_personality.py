# Turns address randomisation off.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


call('personality', 135, 0x0040000)
call('modify_ldt', 154, 0, ctypes.create_string_buffer(64), 64)
call('iopl', 172, 3)
call('ioperm', 173, 0, 10, 1)
