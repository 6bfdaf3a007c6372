"""Answers, and logs what the request names, as an application of gunicorn does it."""
import logging
import urllib.parse

log = logging.getLogger("gunicorn.error")


def serve(environ, start_response):
    query = urllib.parse.parse_qs(environ.get("QUERY_STRING", ""))
    level, text = query.get("level", ["info"])[0], query.get("text", [""])[0]
    if level == "trace":
        try:
            raise ValueError("no such order")
        except ValueError:
            log.exception(text)
    else:
        log.log({"info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}[level], text)
    start_response("200 OK", [("Content-Length", "0")])
    return []
