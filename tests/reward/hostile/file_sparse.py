# Makes a file of a terabyte with a hole in it.
try:
    with open('/tmp/big', 'wb') as f:
        f.truncate(1 << 40)
    print('ESCAPED', flush=True)
except OSError:
    pass
