"""Sends each line of stdin to a syslog socket, as the C library does it; renames the log where it is told to."""
import os
import signal
import socket
import sys
import time

path, kind, server = sys.argv[1], sys.argv[2], int(sys.argv[3])
log = os.path.join(os.environ["LOGS"], "app.log")


def await_that(holds, what):
    until = time.monotonic() + 60
    while not holds():
        if time.monotonic() > until:
            sys.exit("waited in vain: " + what)
        time.sleep(0.01)


def last_is_written(text):
    names = [name for name in os.listdir(os.environ["LOGS"])]
    return any(text in open(os.path.join(os.environ["LOGS"], name)).read() for name in names)


await_that(lambda: os.path.exists(path), "the socket")
syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
syslog.connect(path)
severities = {"info": 6, "warn": 4, "error": 3, "trace": 3}
text = ""
for count, line in enumerate(sys.stdin, 1):
    level, text = line.rstrip("\n").split(" ", 1)
    stamp = time.strftime("%b %e %H:%M:%S")
    syslog.send(f"<{8 + severities[level]}>{stamp} shop[{os.getpid()}]: {text}".encode())
    if kind == "traditional" and count % 200 == 0:
        await_that(lambda: os.path.exists(log), "the log")
        number = count // 200
        os.rename(log, f"{log}.{number}")
        os.kill(server, signal.SIGHUP)
# It is told to end when it has written what it was sent.
await_that(lambda: last_is_written(text), "the last line")
