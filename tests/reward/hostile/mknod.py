# Makes and opens devices.
def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    print('ESCAPED', name, flush=True)


import os, stat
attempt('mknod', lambda: os.mknod('/tmp/sda', stat.S_IFBLK | 0o666, os.makedev(8, 0)))
attempt('mknod', lambda: os.mknod('/tmp/mem', stat.S_IFCHR | 0o666, os.makedev(1, 1)))
for name in ['sda', 'vda', 'nvme0n1', 'mem', 'kmem', 'port', 'kmsg', 'kvm', 'fuse', 'net/tun', 'loop0', 'nvidia0']:
    attempt(name, lambda: open('/dev/' + name, 'rb'))
