# Kills its parents and the first process.
import os, signal
for pid in [os.getppid(), 1]:
    for number in [signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP]:
        try:
            os.kill(pid, number)
        except OSError:
            pass
