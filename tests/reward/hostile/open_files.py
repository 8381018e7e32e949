# Opens files without end.
held = []
try:
    while len(held) < 5000:
        held.append(open('/dev/null'))
    print('ESCAPED', flush=True)
except OSError:
    pass
