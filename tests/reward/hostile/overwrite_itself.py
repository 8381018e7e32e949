# Changes its own file and its tools.
def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    print('ESCAPED', name, flush=True)


import glob, os
for file in glob.glob('/jail/*') + ['/usr/bin/python3', '/usr/bin/sh', '/usr/bin/env']:
    attempt(file, lambda: open(file, 'ab'))
    attempt(file, lambda: os.chmod(file, 0o777))
    attempt(file, lambda: os.unlink(file))
