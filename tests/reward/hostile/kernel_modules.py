# Loads modules, another kernel, or restarts the machine.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


call('init_module', 175, 0, 0, b'')
call('finit_module', 313, 0, b'', 0)
call('delete_module', 176, b'x', 0)
call('kexec_load', 246, 0, 0, 0, 0)
call('reboot', 169, 0xfee1dead, 672274793, 0, 0)
call('swapon', 167, b'/tmp', 0)
call('acct', 163, 0)
