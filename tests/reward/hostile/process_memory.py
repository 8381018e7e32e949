# Reads and writes the memory of other processes.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


class Piece(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]


text = ctypes.create_string_buffer(16)
piece = Piece(ctypes.addressof(text), 16)
for pid in [1, os.getppid(), os.getpid()]:
    call('read', 310, pid, ctypes.byref(piece), 1, ctypes.byref(piece), 1, 0)
    call('write', 311, pid, ctypes.byref(piece), 1, ctypes.byref(piece), 1, 0)
