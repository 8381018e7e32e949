# Leaves its cgroup or lifts its limits.
def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    print('ESCAPED', name, flush=True)


import glob
for file in glob.glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True)[:100] + ['/sys/fs/cgroup/cgroup.procs']:
    attempt(file, lambda: open(file, 'w').write('0'))
