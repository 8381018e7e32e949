# Sets the clock and the host name.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


buffer = (ctypes.c_long * 2)(1, 0)
call('settimeofday', 164, buffer, 0)
call('clock_settime', 227, 0, buffer)
call('sethostname', 170, b'x', 1)
call('setdomainname', 171, b'x', 1)
call('syslog', 103, 3, ctypes.create_string_buffer(64), 64)
