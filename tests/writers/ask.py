"""Asks a server on the loopback for each line of stdin: `/zoo:N:?level=…&text=…`.

    ask.py --free                                  prints a port that nobody has
    ask.py PORT [--run COMMAND | --rename LOG --signal NAME:PID [--lazy]] [--every N]
Each N lines it rotates: either a command is run, or the log is renamed to LOG.1 (the older ones move on) and a process is
told to open a new one, which is waited for, but with --lazy: it opens it when there is something to write.
"""
import argparse
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

if sys.argv[1:] == ["--free"]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        print(free.getsockname()[1])
    sys.exit()

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("--rename")
parser.add_argument("--signal")
parser.add_argument("--run")
parser.add_argument("--lazy", action="store_true")
parser.add_argument("--every", type=int, default=200)
options = parser.parse_args()


def await_that(holds, what):
    until = time.monotonic() + 60
    while not holds():
        if time.monotonic() > until:
            sys.exit("waited in vain: " + what)
        time.sleep(0.01)


def answers():
    try:
        socket.create_connection(("127.0.0.1", options.port)).close()
        return True
    except OSError:
        return False


def rotate():
    if options.run:
        subprocess.run(options.run, shell=True, check=True)
        return
    log, number = options.rename, 1
    while os.path.exists(f"{log}.{number}"):
        number += 1
    # Who opens it when there is something to write may not have come to it yet.
    await_that(lambda: os.path.exists(log), "the log")
    for older in range(number, 1, -1):
        os.rename(f"{log}.{older - 1}", f"{log}.{older}")
    os.rename(log, log + ".1")
    name, process = options.signal.split(":")
    os.kill(int(process), getattr(signal, "SIG" + name))
    if not options.lazy:
        await_that(lambda: os.path.exists(log), "a new log")


await_that(answers, "the server")
connection = http.client.HTTPConnection("127.0.0.1", options.port)
for count, line in enumerate(sys.stdin, 1):
    level, text = line.rstrip("\n").split(" ", 1)
    token = text[: text.index(":", 4) + 1]
    for _ in range(100):
        try:
            connection.request("GET", f"/{token}?level={level}&text={urllib.parse.quote(text)}")
            connection.getresponse().read()
            break
        except (OSError, http.client.HTTPException):
            # A server that is reloaded ends its connections; what it had not answered is not logged twice.
            connection.close()
            time.sleep(0.01)
    else:
        sys.exit("no answer")
    if count % options.every == 0:
        rotate()
