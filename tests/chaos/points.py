"""The points at which a worker can be broken: every change of the store, every call of the API, every read.

They are found by wrapping what the package does all of this with, at the lowest level: the functions of `os`, `open`,
and the SDK's transport. Only ever done in a forked child, so nothing is put back.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from airflow_provider_claude.stages.requests import request_body, spool

#: Bytes of a body that are sent at once: small, so that there is a middle of sending.
_UPLOAD_CHUNK = 4096

#: The sender has looked at its clock for the last time, and sends the rest.
LAST_CHUNK = "body, before its last chunk"

_TEMPORARY = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.tmp$")
_BATCH = re.compile(r"msgbatch_\w+")

_NUMBER = re.compile(r"\b[0-9a-f]{6,}\b|\d{8}T\d{6}-[0-9a-f]+|\d+")

_READING = re.compile(r"r(?!.*\+)|^$")


@dataclass(frozen=True)
class Point:
    """One place in the course of a night. *kind*: `write` (about to change the store), `done` (it is changed), `call`
    (on the way to the API or back) or `read`.
    """

    stage: str
    kind: str
    name: str

    @property
    def like(self) -> Point:
        """The same without numbers: that of another shard or part, after another attempt."""
        return Point(_NUMBER.sub("", self.stage), self.kind, _NUMBER.sub("", self.name))

    @property
    def in_main(self) -> Point:
        """The same where the main night passes it: the courses put a word before its stages (see `courses`)."""
        stage = self.stage.removeprefix("screen ").rpartition(", ")[2]
        return Point(stage, self.kind, self.name).like

    def __str__(self) -> str:
        return f"{self.stage}: {self.name}"


Act = Callable[[int, Point], None]


@dataclass
class Points:
    """Numbers the points of these *kinds* as they come, and lets *act* strike at each; its stage is set from outside."""

    root: Path
    kinds: frozenset[str]
    act: Act
    seen: list[Point] = field(default_factory=list)
    stage: str = ""

    def mark(self, stage: str) -> None:
        self.stage = stage

    def hit(self, kind: str, name: str) -> None:
        if kind in self.kinds:
            point = Point(self.stage, kind, name)
            self.seen.append(point)
            self.act(len(self.seen) - 1, point)

    def hit_object(self, kind: str, name: str) -> None:
        """A request to the object store."""
        verb, _, key = name.partition(" ")
        self.hit(kind, f"{verb} {_plain(key)}")

    def install(self) -> None:
        """Wrap everything. There is no way back but the end of the process."""
        for name in ("link", "replace", "rename", "unlink", "remove"):
            self._around(name, lambda args: args[-1])
        for name in ("mkdir", "rmdir"):
            self._around(name, lambda args: args[0], after=False)
        self._around("fchmod", lambda args: _open_file(args[0]), after=False, called="temporary")
        self._around("fsync", lambda args: _open_file(args[0]), after=False)
        if "read" in self.kinds:
            self._around("listdir", lambda args: args[0], kind="read", after=False)
            self._around("stat", lambda args: args[0], kind="read", after=False)
            for module in (builtins, io):
                module.open = self._opening(module.open)  # type: ignore[attr-defined]
        self._install_calls()

    def _around(
        self,
        name: str,
        place_of: Callable[[tuple[Any, ...]], Any],
        *,
        kind: str = "write",
        after: bool = True,
        called: str = "",
    ) -> None:
        """Put a point before `os.<name>`, and one after it where *after*, if its file is one of the run's."""
        original = getattr(os, name)

        @functools.wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            place = self._known(place_of(args) if args else "", kwargs.get("dir_fd"))
            if place and name in {"unlink", "remove"} and not os.path.lexists(self.root / place):
                place = ""  # a temporary file that was renamed
            if place:
                self.hit(kind, f"{called or name} {_plain(place)}")
            result = original(*args, **kwargs)
            if place and after:
                self.hit("done", f"{called or name} {_plain(place)}, done")
            return result

        setattr(os, name, wrapped)

    def _known(self, place: Any, folder: int | None = None) -> str:
        """*place* seen from the root; empty where it is elsewhere, or a place for temporary files."""
        if isinstance(place, int):
            return ""
        text = os.fspath(place)
        text = text.decode() if isinstance(text, bytes) else text
        if folder is not None:
            text = f"{_open_file(folder)}/{text}"
        inside = text.startswith((f"{self.root}/work/", f"{self.root}/output/"))
        return text.removeprefix(f"{self.root}/") if inside else ""

    def _opening(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapped(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            place = self._known(file) if _READING.match(mode) else ""
            if place:
                self.hit("read", f"open {_plain(place)}")
            return original(file, mode, *args, **kwargs)

        return wrapped

    def _install_calls(self) -> None:
        send, chunks, body = httpx2.Client.send, httpx2.Response.iter_bytes, request_body.RequestBody.__iter__
        send_async = httpx2.AsyncClient.send

        def sending(client: httpx2.Client, request: httpx2.Request, **how: Any) -> httpx2.Response:
            name = f"{request.method} {_BATCH.sub('…', request.url.path)}"
            self.hit("call", name)
            response = send(client, request, **how)
            self.hit("call", f"{name}, answered")
            return response

        async def sending_async(client: httpx2.AsyncClient, request: httpx2.Request, **how: Any) -> httpx2.Response:
            name = f"{request.method} {_BATCH.sub('…', request.url.path)}"
            self.hit("call", name)
            response = await send_async(client, request, **how)
            self.hit("call", f"{name}, answered")
            return response

        def receiving(response: httpx2.Response, chunk_size: int | None = None) -> Iterator[bytes]:
            for chunk in chunks(response, chunk_size):
                half = len(chunk) // 2
                yield chunk[:half]
                if response.request.url.path.endswith("/results"):
                    self.hit("call", "results, in the middle")
                yield chunk[half:]

        def uploading(one: request_body.RequestBody) -> Iterator[bytes]:
            sent = 0
            for number, chunk in enumerate(body(one)):
                sent += len(chunk)
                if sent == len(one):
                    self.hit("call", LAST_CHUNK)
                yield chunk
                if number == 0:
                    self.hit("call", "body, in the middle")

        spool._CHUNK = _UPLOAD_CHUNK
        httpx2.Client.send = sending  # type: ignore[method-assign, assignment]
        httpx2.AsyncClient.send = sending_async  # type: ignore[method-assign, assignment]
        httpx2.Response.iter_bytes = receiving  # type: ignore[method-assign, assignment]
        request_body.RequestBody.__iter__ = uploading  # type: ignore[method-assign]


def _open_file(handle: int) -> str:
    return str(Path(f"/proc/self/fd/{handle}").readlink())


def _plain(place: str) -> str:
    """*place* without what differs from run to run."""
    folder, _, name = place.rpartition("/")
    name = _BATCH.sub("…", _TEMPORARY.sub(r"\1~", name))
    return f"{Path(folder).name}/{name}"
