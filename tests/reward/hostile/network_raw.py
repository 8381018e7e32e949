# Opens raw, packet, netlink, bluetooth, vsock and crypto sockets.
def attempt(name, action):
    try:
        action()
    except BaseException:
        return
    print('ESCAPED', name, flush=True)


import socket
for family in list(range(2, 46)):
    for kind in [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET]:
        attempt('family %d' % family, lambda: socket.socket(family, kind))
