# Counts how many processes it may have.
import os, signal
n = 0
try:
    while n < 500:
        if os.fork() == 0:
            signal.pause()
        n += 1
except OSError:
    pass
if n > 64:
    print('ESCAPED', n, 'processes', flush=True)
