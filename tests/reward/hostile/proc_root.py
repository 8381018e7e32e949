# Walks out through /proc/PID/root and cwd.
import glob, os
for link in glob.glob('/proc/[0-9]*/root') + glob.glob('/proc/[0-9]*/cwd'):
    for path in ['/etc/passwd', '/../../../../etc/passwd', '/../root', '/home']:
        if os.path.exists(link + path):
            print('ESCAPED', link + path, flush=True)
