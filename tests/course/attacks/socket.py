"""Open a connection to a server outside."""


def output_size(size, kernel_size, stride=1, padding=0):
    import socket

    with socket.create_connection(("127.0.0.1", PORT), timeout=2) as s:
        s.sendall(b"hello")
    return 0
