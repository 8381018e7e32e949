# Sleeps longer than it may.
import time
time.sleep(1000)
