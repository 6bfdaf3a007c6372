"""Logs the lines of stdin through loguru."""
import datetime
import os
import sys

from loguru import logger

kind, path = sys.argv[1], os.path.join(os.environ["LOGS"], "app.log")
options = {
    "size": {"rotation": "20 KB"},
    "gzip": {"rotation": "20 KB", "compression": "gz"},
    "queue": {"rotation": "20 KB", "enqueue": True},
    "time": {"rotation": datetime.timedelta(seconds=1)},
}[kind]
logger.remove()
logger.add(path, **options)
for line in sys.stdin:
    level, text = line.rstrip("\n").split(" ", 1)
    if level == "trace":
        try:
            raise ValueError("no such order")
        except ValueError:
            logger.exception(text)
    else:
        logger.log({"info": "INFO", "warn": "WARNING", "error": "ERROR"}[level], text)
logger.complete()
logger.remove()
