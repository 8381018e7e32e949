# Finds an interface other than its own loopback.
try:
    lines = open('/proc/net/dev').read().split('\n')[2:]
    for line in lines:
        if line.strip() and not line.strip().startswith('lo:'):
            print('ESCAPED', line, flush=True)
except OSError:
    pass
