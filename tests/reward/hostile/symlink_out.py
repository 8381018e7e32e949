# Leaves by links and dots.
import os
os.symlink('/etc/passwd', '/tmp/a')
os.symlink('/proc/self/cwd/../../../../../../etc/passwd', '/tmp/b')
os.symlink('../../../../../../../../root', '/tmp/c')
for name in ['/tmp/a', '/tmp/b', '/tmp/c', '/tmp/../../../../etc/passwd']:
    if os.path.exists(name):
        print('ESCAPED', name, flush=True)
try:
    os.link('/usr/bin/python3', '/tmp/d')
    print('ESCAPED link', flush=True)
except OSError:
    pass
