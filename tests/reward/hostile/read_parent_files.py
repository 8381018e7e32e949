# Opens what its ancestors have open.
import glob, os
for link in glob.glob('/proc/[0-9]*/fd/*'):
    try:
        target = os.readlink(link)
    except OSError:
        continue
    if not target.startswith(('/proc', 'pipe:', '/memfd:r1', 'anon_inode:[eventfd]', '/jail', '/dev')):
        print('ESCAPED', link, target, flush=True)
