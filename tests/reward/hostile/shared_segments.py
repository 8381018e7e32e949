# Keeps memory in segments that outlive it.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


call('shmget', 29, 0, 1 << 26, 0o1666)
call('msgget', 68, 0, 0o1666)
call('semget', 64, 0, 1, 0o1666)
call('mq_open', 240, b'x', 0o102, 0o666, 0)
