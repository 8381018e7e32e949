# Looks up a name.
def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    print('ESCAPED', name, flush=True)


import socket
attempt('dns', lambda: socket.getaddrinfo('example.com', 80))
