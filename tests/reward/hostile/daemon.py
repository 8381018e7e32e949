# Leaves processes behind and ends well.
import os, time
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for fd in range(3):
                os.close(fd)
            time.sleep(1000)
        os._exit(0)
print('done', flush=True)
