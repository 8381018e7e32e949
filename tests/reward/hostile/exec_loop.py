# Becomes itself again and again.
import os, sys
os.execv(sys.executable, [sys.executable, '-S', '-I'] + sys.argv)
