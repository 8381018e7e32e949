# Reaches the sockets of the host.
def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    print('ESCAPED', name, flush=True)


import socket
def connect(path):
    socket.socket(socket.AF_UNIX).connect(path)
for path in ['/run/docker.sock', '/var/run/docker.sock', '/run/dbus/system_bus_socket',
             '/run/systemd/private', '\0/tmp/.X11-unix/X0', '\0r1_host_socket']:
    attempt(path, lambda: connect(path))
