# Has or gains capabilities.
for line in open('/proc/self/status'):
    name, _, value = line.partition(':')
    if name in ('CapEff', 'CapPrm', 'CapBnd', 'CapAmb') and int(value, 16):
        print('ESCAPED', line, flush=True)
