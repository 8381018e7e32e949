# Connects and listens on the internet and on the host.
def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    print('ESCAPED', name, flush=True)


import socket
for host in ['127.0.0.1', '1.1.1.1', '10.0.0.1', '169.254.169.254']:
    for port in [22, 53, 80, 443]:
        attempt(host, lambda: socket.create_connection((host, port), 0.1))
attempt('listen', lambda: socket.create_server(('0.0.0.0', 0)))
