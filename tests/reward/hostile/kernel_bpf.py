# Loads programs into the kernel.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


buffer = ctypes.create_string_buffer(128)
call('bpf', 321, 0, buffer, 48)
call('bpf', 321, 5, buffer, 48)
call('perf_event_open', 298, buffer, 0, -1, -1, 0)
