"""Copies stdin with a time before each line, as an access log's format puts it there."""
import sys
import time

for line in sys.stdin:
    level, text = line.split(" ", 1)
    level = {"trace": "ERROR"}.get(level, level.upper())
    sys.stdout.write(time.strftime("%Y-%m-%dT%H:%M:%S%z") + f" {level} {text}")
    # A write for each line, for rotatelogs may rotate between any two.
    sys.stdout.flush()
