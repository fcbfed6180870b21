"""The simulator as a process of its own, for tests, benchmarks and the demo: standard library only.

with SimulatorProcess(pace="polls:2") as claude:
client = anthropic.Anthropic(base_url=claude.base_url, api_key=claude.api_key)
claude.fault("error_529", times=2, route="create")
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import urlsplit

#: Real seconds to answer a control call, and to end.
CONTROL_SECONDS = 120.0
STOP_SECONDS = 10.0


class SimulatorError(RuntimeError):
    """The simulator did not start, or refused a control call; the message is its own."""


class SimulatorProcess:
    """One simulator over real HTTP on loopback.

    Keywords are the options of the command line, such as `pace`, `latency`, `speed`, `seed`, `tier`, `limits`, `burst`,
    `state`, `port` (default 0), `host`.
    *stderr* is where its log goes. Raises SimulatorError if it does not become ready.
    """

    api_key = "sk-ant-simulated"

    def __init__(self, *, stderr: IO[bytes] | None = None, **options: object) -> None:
        self._options = {"port": 0, **options}
        self._stderr = stderr
        self._process: subprocess.Popen[bytes] | None = None
        self.base_url = ""

    def start(self) -> Self:
        """Start the process and wait until it listens."""
        flags = [text for name, value in self._options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
        command = [sys.executable, "-m", "airflow_provider_claude.simulator", *flags]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._stderr)  # noqa: S603
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            raise SimulatorError(f"the simulator ended with status {self._process.wait()}: {' '.join(command)}")
        self.base_url = json.loads(line)["base_url"]
        return self

    def stop(self) -> int:
        """End the process and return its exit status, 0 when it ended cleanly."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        finally:
            self._process.kill()
            if self._process.stdout:
                self._process.stdout.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id of the server; its two workers are its children."""
        if self._process is None:
            raise SimulatorError("the simulator is not started")
        return self._process.pid

    @property
    def connection_json(self) -> str:
        """An Airflow connection of type `anthropic` to this simulator, as JSON."""
        return json.dumps({"conn_type": "anthropic", "host": self.base_url, "password": self.api_key})

    def control(self, method: str, path: str, body: object = None) -> Any:
        """One call of the control plane, see the module `control`.

        Raises SimulatorError with its text where it refuses.
        """
        address = urlsplit(self.base_url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=CONTROL_SECONDS)
        try:
            connection.request(method, f"/_control{path}", None if body is None else json.dumps(body))
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise SimulatorError(answer["error"])
        return answer

    def reset(self) -> None:
        """Forget batches, books, faults and calls; the knobs return to the options of the start."""
        self.control("POST", "/reset")

    def fault(self, name: str, *, times: int | None = 1, route: str | None = None, **how: float) -> None:
        """Let the next *times* calls (of *route*) meet this fault, all of them where it is None.

        *how*: `seconds`, `retry_after`, `share`.
        """
        self.control("POST", "/faults", {"name": name, "times": times, "route": route, **how})

    def clear_faults(self) -> None:
        """Drop the faults that have not struck."""
        self.control("DELETE", "/faults")

    def behaviour(self, **shares: float) -> None:
        """Let the model misbehave in these shares of requests, such as `refusal=0.01`."""
        self.control("POST", "/behaviour", shares)

    def label_noise(self, **planted: object) -> None:
        """How unsteady labels are from now on: `flips`, `first`, `changes`, see the module `label_noise`; none: not at all."""
        self.control("POST", "/label_noise", planted)

    def truth(self, texts: Sequence[str], labels: Sequence[str], field: str = "sentiment") -> list[dict[str, Any]]:
        """Of each text, now: its `plain` label without noise, its `steady` one, and the `chances` of each answer.

        *texts*: as they stand between the tags of a prompt. *labels*: the options of *field* in the order of the schema.
        """
        question = {"texts": list(texts), "labels": list(labels), "field": field}
        found: list[dict[str, Any]] = self.control("POST", "/truth", question)
        return found

    def pace(self, pace: str) -> None:
        """How long batches created from now on take."""
        self.control("POST", "/knobs", {"pace": pace})

    def latency(self, latency: str) -> None:
        """How long messages that come from now on take: instant, seconds:S or lognormal:MEDIAN,SIGMA."""
        self.control("POST", "/knobs", {"latency": latency})

    def retry_after(self, seconds: float) -> None:
        """The simulated seconds until the next look that a batch in progress asks for; 0: it does not ask."""
        self.control("POST", "/knobs", {"retry_after": seconds})

    def seed(self, seed: int) -> None:
        """The seed of all chance from now on."""
        self.control("POST", "/knobs", {"seed": seed})

    def tier(self, tier: str) -> None:
        """The rate limits from now on: start, build, scale or unlimited."""
        self.control("POST", "/knobs", {"tier": tier})

    def limits(self, *, burst: float | None = None, **numbers: int) -> None:
        """Limits a minute instead of the tier's, such as `requests=600`; *burst*: seconds of them usable at once."""
        self.control("POST", "/knobs", {"limits": numbers, **({} if burst is None else {"burst": burst})})

    def others(self, **rate: float) -> None:
        """Let others draw on the Messages limits: `requests`, `input_tokens`, `output_tokens` a minute; none ends it.

        Raises SimulatorError for tokens without requests.
        """
        self.control("POST", "/others", rate)

    def model(self, name: str, **changes: object) -> None:
        """What the Models API says of a model from now on: `lifecycle`, `retires_at`, `batch` (whether it takes batches)."""
        self.control("POST", "/models", {"id": name, **changes})

    def advance(self, seconds: float) -> str:
        """Move simulated time ahead and return the new time."""
        now: str = self.control("POST", "/clock", {"advance": seconds})["now"]
        return now

    def books(self) -> Mapping[str, Any]:
        """Who was billed for what, and what twice."""
        books: Mapping[str, Any] = self.control("GET", "/books")
        return books

    def traffic(self) -> Mapping[str, Any]:
        """What was admitted, answered and refused on the Messages route, and how the others fared."""
        traffic: Mapping[str, Any] = self.control("GET", "/traffic")
        return traffic

    def calls(self) -> Mapping[str, int]:
        """How often each route was called, refused calls included."""
        calls: Mapping[str, int] = self.control("GET", "/calls")
        return calls
