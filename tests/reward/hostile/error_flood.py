# Prints without end to standard error.
import sys
while True:
    sys.stderr.write("x" * 65536)
