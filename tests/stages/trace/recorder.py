"""Stands between a client and the simulator, passes all on, and keeps the bytes of what was to be answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import msgspec

_OWN = {"connection", "content-length", "transfer-encoding", "host", "date", "server"}


class _Entry(msgspec.Struct):
    custom_id: str
    params: msgspec.Raw


class _Batch(msgspec.Struct):
    requests: list[_Entry]


class Recorder:
    """*batched*: the parameters that came in batches, by custom id; *asked*: the bodies that came to the Messages API."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target).netloc
        self.batched: dict[str, bytes] = {}
        self.asked: list[bytes] = []
        self.base_url = ""

    def keep(self, path: str, body: bytes) -> None:
        if path == "/v1/messages":
            self.asked.append(body)
        if path == "/v1/messages/batches":
            sent = msgspec.json.decode(body, type=_Batch).requests
            self.batched |= {one.custom_id: bytes(one.params) for one in sent}


@contextmanager
def recording(target: str) -> Iterator[Recorder]:
    """A recorder before the server at *target*."""
    recorder = Recorder(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.command == "POST":
                recorder.keep(self.path, body)
            connection = HTTPConnection(recorder.target)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OWN:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _pass  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        recorder.base_url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield recorder
        finally:
            server.shutdown()
