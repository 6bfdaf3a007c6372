"""Logs the lines of stdin, each third one in another process, all into one file."""
import logging
import multiprocessing
import os
import sys

from concurrent_log_handler import ConcurrentRotatingFileHandler


def work(lines, kind):
    path = os.path.join(os.environ["LOGS"], "app.log")
    handler = ConcurrentRotatingFileHandler(
        path, "a", maxBytes=20_000, backupCount=500, use_gzip=kind == "gzip", lock_file_directory=os.getcwd()
    )
    logging.basicConfig(
        handlers=[handler], level=logging.DEBUG, format="%(asctime)s %(levelname)s %(message)s"
    )
    log = logging.getLogger("shop.orders")
    for line in iter(lines.get, None):
        level, text = line.rstrip("\n").split(" ", 1)
        if level == "trace":
            try:
                raise ValueError("no such order")
            except ValueError:
                log.exception(text)
        else:
            log.log({"info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}[level], text)
    logging.shutdown()


if __name__ == "__main__":
    queues = [multiprocessing.Queue() for _ in range(3)]
    workers = [multiprocessing.Process(target=work, args=(queue, sys.argv[1])) for queue in queues]
    for worker in workers:
        worker.start()
    for count, line in enumerate(sys.stdin):
        queues[count % 3].put(line)
    for queue in queues:
        queue.put(None)
    for worker in workers:
        worker.join()
    sys.exit(max(worker.exitcode for worker in workers))
