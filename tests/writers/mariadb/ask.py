"""Makes a statement of each line of stdin, for the slow log, or a refused login of its own, for the error log.

Statements go to stdout; each 200 lines they rename the log and let the server open a new one.
"""
import os
import socket
import sys
import time

kind, path = sys.argv[1], sys.argv[2]
log = os.path.join(os.environ["LOGS"], kind + ".log")


def await_that(holds, what):
    until = time.monotonic() + 60
    while not holds():
        if time.monotonic() > until:
            sys.exit("waited in vain: " + what)
        time.sleep(0.01)


def read(connection):
    """A packet of the protocol: three bytes of length, a number, the rest."""
    head = connection.recv(4, socket.MSG_WAITALL)
    return connection.recv(int.from_bytes(head[:3], "little"), socket.MSG_WAITALL)


def log_in(name):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        read(connection)
        # CLIENT_PROTOCOL_41 and CLIENT_SECURE_CONNECTION, utf8, no password.
        answer = (0x8200).to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + b"\x21" + bytes(23)
        answer += name.encode() + b"\0" + b"\0"
        connection.sendall(len(answer).to_bytes(3, "little") + b"\1" + answer)
        read(connection)


for count, line in enumerate(sys.stdin, 1):
    level, text = line.rstrip("\n").split(" ", 1)
    if kind == "slow":
        print(f"SELECT '{text}';")
    else:
        log_in(text[: text.index(":", 4) + 1])
    if count % 200 == 0:
        if kind == "slow":
            print(f"\\! mv {log} {log}.{count // 200}")
            print("FLUSH SLOW LOGS;")
        else:
            # The server may still be about to open it.
            await_that(lambda: os.path.exists(log), "the log")
            os.rename(log, f"{log}.{count // 200}")
            print("FLUSH ERROR LOGS;")
    sys.stdout.flush()
