"""Logs the lines of stdin through one of logging's handlers."""
import gzip
import logging
import logging.handlers
import os
import sys

kind, path = sys.argv[1], os.path.join(os.environ["LOGS"], "app.log")


def compress(source, target):
    with open(source, "rb") as plain, gzip.open(target, "wb") as packed:
        packed.write(plain.read())
    os.remove(source)


if kind == "timed":
    handler = logging.handlers.TimedRotatingFileHandler(path, when="S", interval=1, backupCount=1000)
elif kind == "watched":
    handler = logging.handlers.WatchedFileHandler(path)
else:
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=20_000, backupCount=500)
if kind == "gzip":
    handler.namer = lambda name: name + ".gz"
    handler.rotator = compress
logging.basicConfig(
    handlers=[handler], level=logging.DEBUG, format="%(asctime)s %(levelname)s %(message)s"
)
log = logging.getLogger("shop.orders")
for count, line in enumerate(sys.stdin, 1):
    level, text = line.rstrip("\n").split(" ", 1)
    if level == "trace":
        try:
            raise ValueError("no such order")
        except ValueError:
            log.exception(text)
    else:
        log.log({"info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}[level], text)
    if kind == "watched" and count % 200 == 0:
        for number in range(count // 200, 0, -1):
            if number > 1:
                os.rename(f"{path}.{number - 1}", f"{path}.{number}")
        os.rename(path, path + ".1")
logging.shutdown()
