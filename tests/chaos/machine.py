"""The machine that is broken: a simulator that keeps its books on disk, one clock for all, and forked workers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import anthropic

from airflow_provider_claude.core.report.thresholds import Thresholds
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from tests.chaos import mails
from tests.chaos.acts import nothing
from tests.chaos.clock import SharedClock
from tests.chaos.courses import BATCHES, Course
from tests.chaos.night import Night, Place
from tests.chaos.objects import Objects
from tests.chaos.points import Act, Points
from tests.chaos.processes import Child, end_all, in_child

WRITES = frozenset({"write"})
STORE = frozenset({"write", "read"})
BREAKS = frozenset({"write", "done", "call"})

#: Every batch ends when it was looked at so often.
_PACE = "polls:2"

#: A file system in memory, and the bytes that have to be free there.
_MEMORY, _ENOUGH = Path("/dev/shm"), 1 << 30

Work = Callable[[Night], Any]


class Machine:
    """A context manager; its folder is new, and removed at the end. One case at a time."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="claude-chaos-", dir=_quick_folder()))
        self.state = self.folder / "simulator"
        self.clock = SharedClock()
        self.thresholds = Thresholds()
        self.course = self.usual = BATCHES
        self._port = free_port()
        self._cases = 0
        #: Further processes that live as long as the machine.
        self.servers: list[Child] = []
        #: What synchronous calls have cost before the API was restarted: their bill is not on its disk.
        self._forgotten = Decimal(0)
        self.claude = self._simulator()

    def _simulator(self) -> SimulatorProcess:
        return SimulatorProcess(pace=_PACE, state=self.state, port=self._port)

    def __enter__(self) -> Self:
        try:
            self.claude.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        end_all()
        self.claude.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def case(self, seed: int, texts: mails.Mails | None = None, course: Course | None = None) -> Place:
        """An empty run folder with its mails; the simulator and the clock are as at first. Without *course* it takes the
        usual one, which changes between the local disk and the object store.
        """
        course = course or self.usual
        self.claude.reset()
        self.claude.seed(seed)
        self.clock.reset()
        self.thresholds, self.course = Thresholds(), course
        self._forgotten = Decimal(0)
        shutil.rmtree(self.folder / f"case-{self._cases}", ignore_errors=True)
        self._cases += 1
        place = Place(self.folder / f"case-{self._cases}", course.stored)
        (place.folder / "tmp").mkdir(parents=True)
        place.objects.mkdir()
        self.write(place, course.texts() if texts is None else texts)
        for fault in course.faults:
            self.claude.fault(fault.name, route=fault.route, times=fault.times)
        return place

    def write(self, place: Place, texts: mails.Mails) -> None:
        in_child(lambda: mails.write(place.source, texts))

    def advance(self, seconds: float) -> None:
        """Time passes, for the workers and for the API."""
        self.clock.advance(seconds)
        self.claude.advance(seconds)

    def restart(self) -> None:
        """The API's process is killed and started again, on the same port and over the same state."""
        self._forgotten += Decimal(self.claude.books()["messages"]["cost_usd"])
        workers = _children(self.claude.pid)
        for pid in [self.claude.pid, *workers]:
            os.kill(pid, signal.SIGKILL)
        self.claude.stop()
        self.claude = self._simulator().start()
        self.claude.advance(self.clock.offset)

    def hang(self, seconds: float) -> None:
        """The API answers nobody for a moment."""
        os.kill(self.claude.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(self.claude.pid, signal.SIGCONT)

    def start(
        self,
        place: Place,
        act: Act = nothing,
        kinds: frozenset[str] = BREAKS,
        work: Work | None = None,
    ) -> Child:
        """A worker at *place*, which *act* strikes at its points of these *kinds*. Its value is the points it passed,
        or what *work* returns; without *work* it does the whole course of the case.
        """
        return Child(lambda: self._live(place, act, kinds, work or self.course.work))

    def _live(self, place: Place, act: Act, kinds: frozenset[str], work: Work) -> Any:
        tempfile.tempdir = str(place.folder / "tmp")
        points = Points(place.folder, kinds, act)
        points.install()
        Objects.folder, Objects.hit = place.objects, staticmethod(points.hit_object)
        url, key = self.claude.base_url, self.claude.api_key
        gateway = Gateway(lambda: anthropic.Anthropic(base_url=url, api_key=key, max_retries=0))
        night = Night(
            place=place,
            gateway=gateway,
            clock=self.clock,
            mark=points.mark,
            sleep=self.advance,
            passed=lambda: points.seen,
            thresholds=self.thresholds,
            open_connection=lambda: anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0),
        )
        return work(night) or points.seen

    def end_batches(self) -> None:
        """Look at all batches until they have ended: what nobody waits for is billed, too."""
        after = ""
        while True:
            page = self._ask(f"/v1/messages/batches?limit=1000{after}")
            for batch in page["data"]:
                while batch["processing_status"] != "ended":
                    batch = self._ask(f"/v1/messages/batches/{batch['id']}")  # noqa: PLW2901
            if not page["has_more"]:
                return
            after = f"&after_id={page['last_id']}"

    def books(self) -> Mapping[str, Any]:
        self.claude.clear_faults()
        self.end_batches()
        books = self.claude.books()
        books["total"]["cost_usd"] = str(Decimal(books["total"]["cost_usd"]) + self._forgotten)
        return books

    def send(self, path: str, body: Any) -> None:
        """Pay for something by hand."""
        self._ask(path, json.dumps(body, separators=(",", ":"), ensure_ascii=False))

    def _ask(self, path: str, body: str | None = None) -> Any:
        address = urlsplit(self.claude.base_url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            headers = {"x-api-key": self.claude.api_key, "anthropic-version": "2023-06-01"}
            connection.request("POST" if body else "GET", path, body, headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                raise RuntimeError(f"{path}: {response.status} {response.read(500)!r}")
            return json.loads(response.read())
        finally:
            connection.close()


def _quick_folder() -> Path | None:
    """Memory, where there is enough: a killed process loses nothing that it wrote, synced or not."""
    enough = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH
    return _MEMORY if enough else None


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
