"""How the results of a batch are sent: whole, or as a fault wants them. What was billed stays billed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from airflow_provider_claude.simulator.api.admission import Call, cut
from airflow_provider_claude.simulator.faults import Fault
from airflow_provider_claude.simulator.world.end_batch import map_file

#: Bytes of a results file sent at once.
CHUNK = 1 << 18

_BEFORE_NAME = b'{"custom_id":"'


def sent(call: Call, path: Path, fault: Fault | None) -> Iterator[bytes]:
    """The results *path* in chunks, as *fault* has them."""
    if fault is None:
        yield from _chunks(path, path.stat().st_size)
        return
    match fault.name:
        case "cut_results":
            yield from _chunks(path, int(path.stat().st_size * fault.share))
            cut(call.request)
        case "short_results" | "torn_results":
            yield from _chunks(path, _end(path, fault.share, torn=fault.name == "torn_results"))
        case "extra_results":
            yield from _chunks(path, path.stat().st_size)
            yield from _strange(path)
        case _:
            yield from _strange(path)


def _chunks(path: Path, left: int) -> Iterator[bytes]:
    """The first *left* bytes."""
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _end(path: Path, share: float, *, torn: bool) -> int:
    """Where the whole lines in this *share* of the bytes end; with *torn*, the middle of the line that follows."""
    size = path.stat().st_size
    if not size:
        return 0
    data = map_file(str(path))
    start = data.rfind(b"\n", 0, int(size * share)) + 1
    return start + (data.find(b"\n", start) - start) // 2 if torn and start < size else start


def _strange(path: Path) -> Iterator[bytes]:
    """Each line under a custom id that was not asked for: its own, read backwards."""
    with path.open("rb") as file:
        for line in file:
            name, rest = line.removeprefix(_BEFORE_NAME).split(b'"', 1)
            yield _BEFORE_NAME + name[::-1] + b'"' + rest
