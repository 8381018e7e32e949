# Kills everything it can.
import os, signal
os.kill(-1, signal.SIGKILL)
