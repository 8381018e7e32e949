# Enters the namespaces of others.
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *args):
    if libc.syscall(number, *args) >= 0:
        print('ESCAPED', name, flush=True)


for pid in [1, 2, os.getppid()]:
    for name in ['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup']:
        try:
            fd = os.open('/proc/%d/ns/%s' % (pid, name), os.O_RDONLY)
        except OSError:
            continue
        call(name, 308, fd, 0)
