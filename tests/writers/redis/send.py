"""Lets a script of Redis log each line of stdin; renames the log each 200 lines."""
import os
import socket
import sys
import time

log = os.path.join(os.environ["LOGS"], "redis.log")
until = time.monotonic() + 60
while True:
    try:
        redis = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        break
    except OSError:
        if time.monotonic() > until:
            sys.exit("waited in vain: the server")
        time.sleep(0.02)
answers = redis.makefile("rb")


def ask(*words):
    parts = [f"*{len(words)}\r\n"] + [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    redis.sendall("".join(parts).encode())
    answer = answers.readline()
    if answer.startswith(b"-"):
        sys.exit(answer.decode())
    if answer.startswith(b"$") and answer != b"$-1\r\n":
        answers.readline()


levels = {"info": "VERBOSE", "warn": "WARNING", "error": "WARNING", "trace": "WARNING"}
for count, line in enumerate(sys.stdin, 1):
    level, text = line.rstrip("\n").split(" ", 1)
    ask("EVAL", f"redis.log(redis.LOG_{levels[level]}, ARGV[1])", "0", text)
    if count % 200 == 0:
        os.rename(log, f"{log}.{count // 200}")
