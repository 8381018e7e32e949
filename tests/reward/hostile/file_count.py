# Makes files without end.
i = 0
while True:
    try:
        open('/tmp/%d' % i, 'w').close()
    except OSError:
        pass
    i += 1
