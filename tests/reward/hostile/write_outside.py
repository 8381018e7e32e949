# Writes wherever it may not.
def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    print('ESCAPED', name, flush=True)


import os
places = ['/', '/usr', '/usr/bin', '/usr/lib', '/etc', '/root', '/home', '/var', '/dev', '/jail', '/bin',
          '/lib', '/proc', '/sys', '/opt', '/mnt', '/run', '/boot', '/srv']
for place in places:
    attempt(place, lambda: open(place + '/r1_was_here', 'w'))
    attempt(place, lambda: os.mkdir(place + '/r1_was_here'))
    attempt(place, lambda: os.rename(place, '/tmp/moved'))
