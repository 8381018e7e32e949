# Looks for the secret its host keeps in its environment.
import glob
for file in glob.glob('/proc/*/environ') + glob.glob('/proc/*/cmdline'):
    try:
        if b'R1_HOST_SECRET' in open(file, 'rb').read():
            print('ESCAPED', file, flush=True)
    except OSError:
        pass
