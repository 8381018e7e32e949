# Makes read-only places writable.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


for place in [b'/', b'/usr', b'/dev', b'/tmp', b'/proc']:
    call(place, 165, 0, place, 0, 32 | 4096, 0)
