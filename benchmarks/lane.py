"""The sync lane beside what one would write oneself, against the simulator's strict limits, over real HTTP.

`python -m benchmarks.lane` measures all regimes, `python -m benchmarks.lane input others` these. `ONLY=ours` leaves the
rivals out, `SECONDS=75` is how long the rows of a regime keep a lane busy that uses all of its limit.

Used is the share of the limit that binds: tokens (or requests) admitted in the steady state, by what the limit allows in
that time; together, with what others were served. The steady state begins 15 seconds after the first request and
ends when nine rows of ten are admitted. All figures but CPU and memory are the simulator's.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_provider_claude.simulator.process import SimulatorProcess
from benchmarks.rig import PROJECT, bytecode

#: Requests that rivals may have under way, as one sets it without knowing the latency.
PLACES = 100

#: Seconds between two looks at the simulator's meters.
LOOK = 0.5

#: A run that takes so many times its seconds is given up.
PATIENCE = 6.0

FIGURES = ("answered", "lost", "cpu", "peak_mb", "loop")

METERS = ("requests", "input_tokens", "output_tokens")

OURS = "ours"
BY_HAND = "SDK, semaphore by hand"
RIVALS = {
    BY_HAND: ("semaphore", {"max_retries": 2}),
    "SDK, semaphore, 2 retries": ("semaphore", {"max_retries": 2}),
    "SDK, semaphore, 10 retries": ("semaphore", {"max_retries": 10}),
    "threads, tenacity": ("threads", {"max_retries": 0}),
    "threads, tenacity × SDK's 2": ("threads", {"max_retries": 2}),
}


@dataclass(frozen=True, kw_only=True)
class Regime:
    """What the account allows a minute (*limits*, of which *burst* seconds at once), and what is known of it.

    *planned*: the limits the lane is told, those of the account if None. *estimate*: the tokens it expects, by what they
    are. *others*: what others ask for a minute. *lanes*: processes of ours at once, that share a bucket unless they
    are *apart*, as on two machines. *bytes*: of a mail, on average. *times*: how much longer it is measured, *warm_up*: the
    seconds after the first request that count for nothing.
    """

    name: str
    says: str
    limits: Mapping[str, int]
    burst: float = 1.0
    latency: str = "lognormal:0.5,0.3"
    reserve: float = 0.02
    planned: Mapping[str, int] | None = None
    estimate: float = 1.0
    others: Mapping[str, float] = field(default_factory=dict)
    lanes: int = 1
    apart: bool = False
    bytes: int = 800
    times: float = 1.0
    warm_up: float = 15.0
    rivals: bool = False

    def rows(self, seconds: float) -> int:
        """So many as the limits let through in *seconds*, beside the others."""
        return int(self.a_second() * seconds * self.times)

    def a_second(self) -> float:
        """Rows a second that the limits let through."""
        each = dict(zip(METERS, (1.0, self.bytes / 3.5, OUTPUT_TOKENS), strict=True))
        ours = {name: max(0.1, 1 - self.others.get(name, 0) / self.limits[name]) for name in METERS}
        return min(ours[name] * self.limits[name] / each[name] for name in METERS) / 60

    def places(self, contestant: str) -> int:
        """How many requests a rival may have under way: PLACES, or what someone found by trying with this latency."""
        median, sigma = map(float, self.latency.partition(":")[2].split(","))
        return (
            max(1, int(0.95 * self.a_second() * median * math.exp(sigma**2 / 2))) if contestant == BY_HAND else PLACES
        )


#: What a mail's answer takes, on average, in the simulator.
OUTPUT_TOKENS = 190.0

WIDE = {"requests": 100_000, "input_tokens": 50_000_000, "output_tokens": 20_000_000}
REQUESTS = {**WIDE, "requests": 3_000}
INPUT = {**WIDE, "input_tokens": 700_000}
OUTPUT = {**WIDE, "output_tokens": 600_000}
START = {"requests": 1_000, "input_tokens": 2_000_000, "output_tokens": 400_000}

HALF = {"requests": 1_500}


def _beside(name: str, others: Mapping[str, float], limits: Mapping[str, int] = REQUESTS, **more: Any) -> Regime:
    asked = ", ".join(f"{number:,} {what}" for what, number in others.items())
    return Regime(name=name, says=f"others ask for {asked}", limits=limits, reserve=0.2, others=others, **more)


REGIMES = [
    Regime(name="requests", says="requests bind", limits=REQUESTS, rivals=True),
    Regime(name="input", says="input binds", limits=INPUT, rivals=True),
    Regime(name="output", says="output binds", limits=OUTPUT, rivals=True),
    Regime(name="fast", says="requests, answers in 0.2 s", limits=REQUESTS, latency="lognormal:0.2,0.3"),
    Regime(name="slow", says="requests, answers in 2 s", limits=REQUESTS, latency="lognormal:2,0.3"),
    Regime(name="spread", says="requests, answers in 0.3 to 5 s", limits=REQUESTS, latency="lognormal:1.2,0.7"),
    Regime(name="minute", says="requests, buckets of a minute", limits=REQUESTS, burst=60),
    Regime(name="input-minute", says="input, buckets of a minute", limits=INPUT, burst=60),
    Regime(name="output-minute", says="output, buckets of a minute", limits=OUTPUT, burst=60),
    Regime(name="low", says="input, half the tokens expected", limits=INPUT, estimate=0.5),
    Regime(name="high", says="input, twice the tokens expected", limits=INPUT, estimate=2.0),
    Regime(name="output-low", says="output, half the tokens expected", limits=OUTPUT, estimate=0.5),
    Regime(name="output-high", says="output, twice the tokens expected", limits=OUTPUT, estimate=2.0),
    Regime(name="small", says="output, five requests a second", limits={**WIDE, "output_tokens": 62_000}),
    Regime(name="large", says="input, mails of 14 kB", limits={**WIDE, "input_tokens": 2_000_000}, bytes=14_000),
    Regime(name="plan-low", says="planned as tier start, headers say more", limits=REQUESTS, planned=START),
    Regime(name="plan-high", says="planned ten times too high", limits=REQUESTS, planned={**WIDE, "requests": 30_000}),
    Regime(name="lanes", says="three lanes in three processes", limits=REQUESTS, lanes=3),
    Regime(name="input-lanes", says="three lanes in three processes, input", limits=INPUT, lanes=3),
    Regime(name="machines", says="three lanes on three machines", limits=REQUESTS, lanes=3, apart=True),
    Regime(
        name="machines-minute", says="the same, buckets of a minute", limits=REQUESTS, lanes=3, apart=True, burst=60
    ),
    _beside("others", HALF, rivals=True),
    _beside("others-fifth", {"requests": 600}),
    _beside("others-most", {"requests": 2_700}),
    _beside("others-minute", HALF, burst=60, times=4, warm_up=150),
    _beside("others-input", {"requests": 1_000, "input_tokens": 350_000}, INPUT),
    _beside("others-output", {"requests": 1_000, "output_tokens": 300_000}, OUTPUT),
    _beside("others-lanes", HALF, lanes=3),
]


@dataclass(frozen=True)
class Look:
    """The simulator's figures at one moment (seconds)."""

    at: float
    traffic: Mapping[str, Any]

    @property
    def taken(self) -> tuple[float, ...]:
        return tuple(self.traffic[name] for name in ("admitted", "input_tokens", "output_tokens"))

    @property
    def refused(self) -> int:
        return self.traffic["rejected"].get("messages", 0)


def main(names: Sequence[str]) -> int:
    seconds, ours_only = float(os.environ.get("SECONDS", "75")), os.environ.get("ONLY") == "ours"
    readings = []
    chosen = [regime for regime in REGIMES if not names or regime.name in names]
    print(heading(), flush=True)
    for regime in chosen:
        print(f"\n{regime.says}: {shown(regime)}", flush=True)
        for contestant in [OURS, *(RIVALS if regime.rivals and not ours_only else ())]:
            reading = measure(regime, contestant, seconds)
            readings.append({"regime": asdict(regime), "contestant": contestant, **reading})
            print(line(contestant, reading), flush=True)
    write(readings)
    return 0


def measure(regime: Regime, contestant: str, seconds: float) -> dict[str, Any]:
    """One contestant against a simulator of its own."""
    limits = ",".join(f"{name}={number}" for name, number in regime.limits.items())
    rows = regime.rows(seconds)
    lanes = regime.lanes if contestant == OURS else 1
    with (
        tempfile.TemporaryDirectory(prefix="claude-lane-") as folder,
        SimulatorProcess(limits=limits, burst=regime.burst, latency=regime.latency) as claude,
        ExitStack() as stack,
    ):
        if regime.others:
            claude.others(**regime.others)
        children = [
            stack.enter_context(_child(regime, contestant, claude, folder, rows, lane, lanes)) for lane in range(lanes)
        ]
        looks = list(_looks(claude, children, seconds * regime.times * PATIENCE))
        parts = [_parsed(child.communicate()[0]) for child in children]
    return {**steady(regime, looks, rows), **summed(parts)}


@contextmanager
def _child(
    regime: Regime, contestant: str, claude: SimulatorProcess, folder: str, rows: int, lane: int, lanes: int
) -> Iterator[subprocess.Popen[bytes]]:
    place = Path(folder) / "shards" / f"{lane:05d}"
    place.mkdir(parents=True)
    spec = {
        "regime": asdict(regime),
        "contestant": contestant,
        "url": claude.base_url,
        "folder": str(place),
        "first": lane,
        "rows": rows,
        "step": lanes,
    }
    environment = {**os.environ, **bytecode(), "TMPDIR": str(place) if regime.apart else folder}
    command = [sys.executable, "-m", "benchmarks.lane", "--child", json.dumps(spec)]
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def _looks(claude: SimulatorProcess, children: Sequence[subprocess.Popen[bytes]], seconds: float) -> Iterator[Look]:
    until = time.monotonic() + seconds
    while any(child.poll() is None for child in children):
        if time.monotonic() > until:
            for child in children:
                child.kill()
        yield Look(time.time(), claude.traffic())
        time.sleep(LOOK)
    yield Look(time.time(), claude.traffic())


def _parsed(output: bytes) -> dict[str, float]:
    """What a child says at its end; one that was given up says nothing."""
    return json.loads(output.splitlines()[-1]) if output else dict.fromkeys(FIGURES, math.nan)


def steady(regime: Regime, looks: Sequence[Look], rows: int) -> dict[str, Any]:
    """What the steady state was like."""
    last = looks[-1]
    began = last.traffic["first_at"]
    most = [look for look in looks if look.traffic["admitted"] <= 0.9 * rows]
    window = [look for look in most if look.at >= began + regime.warm_up] or [last]
    a, b = window[0], window[-1]
    minutes = max((b.at - a.at) / 60, 1e-9)
    shares = {
        name: (after - before) / (regime.limits[name] * minutes)
        for name, before, after in zip(METERS, a.taken, b.taken, strict=True)
    }
    refused = b.refused - a.refused
    calls = b.traffic["admitted"] - a.traffic["admitted"] + refused
    others = {name: b.traffic["others"][name] - a.traffic["others"][name] for name in ("served", "refused")}
    asked = sum(others.values())
    theirs = max(regime.others.get(name, 0) / regime.limits[name] for name in METERS)
    return {
        "used": max(shares.values()),
        "shares": shares,
        "window": minutes * 60,
        "refused": refused,
        "refused_share": refused / calls if calls else 0.0,
        "refused_ever": last.refused,
        "others": others,
        "together": max(shares.values()) + (theirs * others["served"] / asked if asked else 0.0),
        "seconds": last.traffic["answered_at"] - began,
        "most_in_flight": last.traffic["most_in_flight"],
    }


def summed(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of all processes together; memory is that of the largest."""
    sums = {name: sum(one[name] for one in parts) for name in ("answered", "lost", "cpu")}
    return {**sums, "peak_mb": max(one["peak_mb"] for one in parts), "loop": max(one["loop"] for one in parts)}


def heading() -> str:
    return (
        f"{'':<30}{'used':>8}{'429s':>7}{'of calls':>10}{'ever':>7}{'lost':>7}{'s':>7}{'CPU s':>8}{'ms/row':>8}{'MB':>6}"
        "   others refused   together"
    )


def line(contestant: str, one: Mapping[str, Any]) -> str:
    others = one["others"]
    asked = sum(others.values())
    refused = f"{others['refused']:>9,} of {asked:,}{one['together']:>11.1%}" if asked else ""
    return (
        f"  {contestant:<28}{one['used']:>8.1%}{one['refused']:>7,}{one['refused_share']:>10.2%}{one['refused_ever']:>7,}"
        f"{one['lost']:>7,.0f}{one['seconds']:>7.0f}{one['cpu']:>8.1f}"
        f"{1000 * one['cpu'] / max(one['answered'], 1):>8.1f}{one['peak_mb']:>6.0f}{refused}"
    )


def shown(regime: Regime) -> str:
    limits = ", ".join(f"{number:,} {name}" for name, number in regime.limits.items() if number != WIDE[name])
    return f"{limits} a minute, {regime.burst:g} s at once, answers {regime.latency}, reserve {regime.reserve}"


def write(readings: Sequence[Mapping[str, Any]]) -> None:
    folder = PROJECT / ".bench"
    folder.mkdir(exist_ok=True)
    path = folder / f"lane-{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(readings, indent=1) + "\n")
    print(f"\nwritten to {path.relative_to(PROJECT)}")


# What runs in a process of its own.


def child(spec: Mapping[str, Any]) -> None:
    regime = Regime(**spec["regime"])
    numbers = range(spec["first"], spec["rows"], spec["step"])
    answered, meter = _ours(spec, regime, numbers) if spec["contestant"] == OURS else _rival(spec, regime, numbers)
    print(json.dumps({**meter, "answered": answered, "lost": len(numbers) - answered}))


def _ours(spec: Mapping[str, Any], regime: Regime, numbers: Sequence[int]) -> tuple[int, dict[str, float]]:
    import anthropic
    import msgspec
    from upath import UPath

    from airflow_provider_claude.core.cost.tokens import TokenModel
    from airflow_provider_claude.core.sync.account_limits import account_limits
    from airflow_provider_claude.gateway.async_client import open_async
    from airflow_provider_claude.stages.sync.journal import Journal, read_journals
    from airflow_provider_claude.stages.sync.lease import Lease
    from airflow_provider_claude.stages.sync.rate_limiter import RateLimiter
    from airflow_provider_claude.stages.sync.request import Pace, Request
    from airflow_provider_claude.stages.sync.sender import Lane
    from airflow_provider_claude.store import ShardFolder
    from benchmarks.meter import Meter

    shard = ShardFolder(UPath(Path(spec["folder"])))
    lease = Lease(shard, 1, lambda: datetime.now(UTC).isoformat())
    limits = account_limits(regime.planned or regime.limits)
    first = body(0, regime.bytes)
    params = len(msgspec.json.encode(first))
    tokens = regime.estimate * len(first["messages"][0]["content"]) / 3.5
    lane = Lane(
        connect=lambda: open_async(anthropic.AsyncAnthropic(base_url=spec["url"], api_key="k", max_retries=0)),
        rate_limiter=RateLimiter("bench", limits, reserve=regime.reserve, now=time.time),
        tokens=TokenModel(input_per_byte=tokens / params, output=regime.estimate * OUTPUT_TOKENS, measured=True),
        pace=Pace(reserve=regime.reserve),
        now=time.time,
        journal=Journal(shard, 1, lease.number),
        lease=lease,
    )
    requests = (Request(f"r-{n}", msgspec.json.encode(body(n, regime.bytes))) for n in numbers)
    with Meter() as meter:
        lane.send_all(requests)
    answered = {line.partition(b'","')[0] for line in read_journals(shard, 1) if b'"succeeded"' in line[:100]}
    return len(answered), meter.reading


def _rival(spec: Mapping[str, Any], regime: Regime, numbers: Sequence[int]) -> tuple[int, dict[str, float]]:
    from benchmarks import lane_rivals
    from benchmarks.meter import Meter

    function, arguments = RIVALS[spec["contestant"]]
    requests = (body(n, regime.bytes) for n in numbers)
    with Meter() as meter:
        outcome = getattr(lane_rivals, function)(spec["url"], requests, regime.places(spec["contestant"]), **arguments)
    return outcome.answered, meter.reading


def body(number: int, size: int) -> dict[str, Any]:
    """Mail *number*, half to one and a half times *size* bytes long."""
    length = size // 2 + number * 7919 % size
    text = f"Mail {number}: " + "the box came late and the lid was broken. " * (length // 42 + 1)
    return {
        "model": "claude-haiku-5-5",
        "max_tokens": 256,
        "messages": [{"role": "user", "content": text[: max(length, 20)]}],
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(json.loads(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:]))
