# Fills the disk.
total = 0
try:
    for i in range(100):
        with open('/tmp/%d' % i, 'wb') as f:
            for _ in range(64):
                total += f.write(b'x' * (1 << 20))
except OSError:
    pass
if total > 80 << 20:
    print('ESCAPED', total, 'bytes', flush=True)
