# Maps and touches anonymous memory shared between processes.
import mmap, os
maps = []
while True:
    m = mmap.mmap(-1, 1 << 26)
    for at in range(0, 1 << 26, 4096):
        m[at] = 1
    maps.append(m)
