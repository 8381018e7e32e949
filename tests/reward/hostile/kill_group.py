# Signals its process group and session.
import os, signal
os.killpg(0, signal.SIGKILL)
