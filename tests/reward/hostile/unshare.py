# Makes namespaces of its own.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


for flag in [0x10000000, 0x20000, 0x40000000, 0x20000000, 0x8000000, 0x4000000, 0x2000000]:
    call('unshare %x' % flag, 272, flag)
call('clone', 56, 0x10000000 | 17, 0, 0, 0, 0)
call('clone3', 435, (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17), 88)
