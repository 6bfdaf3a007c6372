"""Asks php-fpm by FastCGI, a request for each line of stdin; renames the log each 200 lines."""
import os
import signal
import socket
import struct
import sys
import time

directory, log, server = sys.argv[1], sys.argv[2], int(sys.argv[3])


def record(kind, content):
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def ask(text):
    token = text[: text.index(":", 4) + 1]
    names = {
        "SCRIPT_FILENAME": directory + "/write.php",
        "SCRIPT_NAME": f"/{token}",
        "REQUEST_URI": f"/{token}",
        "REQUEST_METHOD": "GET",
        "ZOO_TEXT": text,
    }
    pairs = b""
    for name, value in names.items():
        pairs += struct.pack(">BI", len(name), len(value) | 1 << 31) + name.encode() + value.encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(directory + "/socket")
        connection.sendall(record(1, struct.pack(">HB5x", 1, 0)) + record(4, pairs) + record(4, b"") + record(5, b""))
        while connection.recv(4096):
            pass


def await_that(holds, what):
    until = time.monotonic() + 60
    while not holds():
        if time.monotonic() > until:
            sys.exit("waited in vain: " + what)
        time.sleep(0.01)


await_that(lambda: os.path.exists(directory + "/socket"), "the socket")
for count, line in enumerate(sys.stdin, 1):
    ask(line.rstrip("\n").split(" ", 1)[1])
    if count % 200 == 0:
        await_that(lambda: os.path.exists(log), "the log")
        os.rename(log, f"{log}.{count // 200}")
        # PHP opens its own log for each line; the access log is opened anew by the master.
        if log.endswith("access.log"):
            os.kill(server, signal.SIGUSR1)
            await_that(lambda: os.path.exists(log), "a new log")
