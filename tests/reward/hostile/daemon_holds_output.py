# Ends, but a process it leaves keeps the output open.
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
print('done', flush=True)
