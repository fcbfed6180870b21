"""An S3 server on a port of this machine that is as slow and as unreliable as a network.

Moto serves it, conditional writes included. Every call takes LATENCY seconds, every nth answer is a 503, and a download is cut
now and then. What `PUT /-/expire?TEXT` names is refused once, as with expired credentials, wherever TEXT stands in its key.
`GET /-/calls` counts the calls by method, and the faults.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LATENCY = 0.03
UNAVAILABLE_EVERY = 97
CUT_EVERY = 61
#: Only downloads of some size are cut: the others come in one piece.
CUT_BYTES = 4_096

_EXPIRED = (
    b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
)
_SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)


class Unreliable:
    """*inside*, as a network shows it."""

    def __init__(self, inside: WSGIApplication) -> None:
        self.inside = inside
        self.calls: Counter[str] = Counter()
        self.expiring: list[str] = []
        self.lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path, method = unquote(environ["PATH_INFO"]), environ["REQUEST_METHOD"]
        if path.startswith("/-/"):
            return self._control(path, environ, start)
        time.sleep(LATENCY)
        with self.lock:
            self.calls[method] += 1
            number = sum(self.calls[name] for name in ("GET", "PUT", "HEAD", "POST", "DELETE"))
            expired = next((text for text in self.expiring if method == "PUT" and text in path), None)
            if expired is not None:
                self.expiring.remove(expired)
                self.calls["expired"] += 1
        if expired is not None:
            return _answer(start, "403 Forbidden", _EXPIRED)
        if number % UNAVAILABLE_EVERY == 0:
            self._count("unavailable")
            return _answer(start, "503 Slow Down", _SLOW_DOWN)
        body = b"".join(self.inside(environ, start))
        if method == "GET" and len(body) > CUT_BYTES and number % CUT_EVERY == 0:
            self._count("cut")
            return _cut(body)
        return [body]

    def _count(self, what: str) -> None:
        with self.lock:
            self.calls[what] += 1

    def _control(self, path: str, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if path == "/-/expire":
            self.expiring.append(unquote(environ["QUERY_STRING"]))
        return _answer(start, "200 OK", json.dumps(self.calls).encode())


def _cut(body: bytes) -> Iterable[bytes]:
    """The first half of *body*; then the connection ends."""
    yield body[: len(body) // 2]
    raise ConnectionResetError("the download was cut")


def _answer(start: StartResponse, status: str, body: bytes) -> Iterable[bytes]:
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


def main(port: int) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application: Any = Unreliable(DomainDispatcherApplication(create_backend_app))
    make_server("127.0.0.1", port, application, threaded=True).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
