"""Logs the lines of stdin through structlog and one of logging's handlers."""
import logging
import logging.handlers
import os
import sys

import structlog

path = os.path.join(os.environ["LOGS"], "app.log")
handler = logging.handlers.RotatingFileHandler(path, maxBytes=20_000, backupCount=500)
logging.basicConfig(handlers=[handler], level=logging.DEBUG, format="%(message)s")
renderer = structlog.processors.JSONRenderer()
if sys.argv[1] == "logfmt":
    renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        renderer,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
)
log = structlog.get_logger("shop")
for line in sys.stdin:
    level, text = line.rstrip("\n").split(" ", 1)
    if level == "trace":
        try:
            raise ValueError("no such order")
        except ValueError:
            log.error(text, exc_info=True)
    else:
        getattr(log, {"info": "info", "warn": "warning", "error": "error"}[level])(text, order=4711)
logging.shutdown()
