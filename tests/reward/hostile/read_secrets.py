# Reads what belongs to the host.
def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    print('ESCAPED', name, flush=True)


import glob
for file in ['/etc/shadow', '/etc/passwd', '/etc/hostname', '/root' '/.bashrc', '/root' '/.ssh/id_rsa',
             '/var/log/dpkg.log', '/proc/kcore', '/proc/1/root/etc/passwd', '/run/secrets']:
    attempt(file, lambda: open(file, 'rb').read(1))
for folder in ['/root', '/home', '/etc', '/var', '/mnt', '/opt', '/srv', '/run', '/sys', '/boot']:
    if glob.glob(folder + '/*'):
        print('ESCAPED', folder, flush=True)
