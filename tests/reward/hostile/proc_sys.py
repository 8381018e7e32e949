# Changes the kernel by /proc/sys and /proc/sysrq-trigger.
def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    print('ESCAPED', name, flush=True)


for file in ['/proc/sys/kernel/core_pattern', '/proc/sys/kernel/modprobe', '/proc/sysrq-trigger',
             '/proc/sys/kernel/hostname', '/proc/sys/vm/overcommit_memory',
             '/proc/sys/fs/binfmt_misc/register', '/proc/sys/kernel/pid_max', '/proc/kmsg']:
    attempt(file, lambda: open(file, 'w'))
