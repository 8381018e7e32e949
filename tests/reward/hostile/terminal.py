# Types into the terminal of its user.
def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    print('ESCAPED', name, flush=True)


import fcntl, os, termios
attempt('tty', lambda: open('/dev/tty', 'w'))
for fd in range(3):
    attempt('tiocsti', lambda: fcntl.ioctl(fd, termios.TIOCSTI, b'x'))
master, slave = os.openpty()
attempt('tiocsti', lambda: fcntl.ioctl(slave, termios.TIOCSTI, b'x'))
