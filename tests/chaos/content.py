"""Mails that change while their batch is away; then the night is run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from tests.chaos import mails
from tests.chaos.acts import kill_at, nothing
from tests.chaos.bench import Bench
from tests.chaos.night import Night
from tests.chaos.results import Case, Result
from tests.chaos.tries import Tries

_NEW = "I love this, thank you, it is excellent. Regards, a new customer."


def _edited(texts: dict[str, str], chance: Random) -> dict[str, str]:
    return texts | {f"mail-{chance.randrange(31, 46)}": _NEW}


def _first_edited(texts: dict[str, str], _chance: Random) -> dict[str, str]:
    """The trial's mail."""
    return texts | {"mail-0": _NEW}


def _removed(texts: dict[str, str], chance: Random) -> dict[str, str]:
    """All that follow move up, across shards."""
    gone = f"mail-{chance.randrange(12, 20)}"
    return {name: text for name, text in texts.items() if name != gone}


def _added(texts: dict[str, str], _chance: Random) -> dict[str, str]:
    """All move down."""
    return {"mail-new": _NEW} | texts


def _halved(texts: dict[str, str], _chance: Random) -> dict[str, str]:
    """A shard less."""
    return dict(list(texts.items())[:40])


_CHANGES: tuple[Callable[[dict[str, str], Random], dict[str, str]], ...] = (
    _edited,
    _first_edited,
    _removed,
    _added,
    _halved,
)


#: What the call meets that cancels the batch nobody wants any more.
_FAULTS = (
    "reset_before_accept",
    "reset_after_accept",
    "error_500",
    "error_529",
    "rate_limit",
    "slow",
    "error_504_after_accept",
    "cancel_has_no_effect",
)


def changes(bench: Bench) -> Iterator[Case]:
    """Changed after all is sent; or after a worker died right after it paid; and that again with kills on the way, or
    where the cancel fails.
    """
    for number, change in enumerate(_CHANGES):
        for seed in bench.some_seeds:
            for orphan in (False, True):
                for killed in (False, True):
                    if not bench.short or (number, orphan, killed) == (0, False, False):
                        yield partial(_change, bench, change, seed, orphan=orphan, killed=killed)
    for number, fault in enumerate(_FAULTS):
        for seed in bench.some_seeds:
            if not bench.short or number == 0:
                yield partial(_change, bench, _edited, seed, fault=fault)


def _change(
    bench: Bench,
    change: Callable[[dict[str, str], Random], dict[str, str]],
    seed: int,
    *,
    orphan: bool = False,
    killed: bool = False,
    fault: str = "",
) -> Result:
    chance = Random(f"{change.__name__} {seed}")
    machine, place = bench.machine, bench.machine.case(seed)
    tries = Tries(machine, place)
    tries.note(machine.start(place, kill_at(_paid(bench)) if orphan else nothing, work=_sent).join())
    texts = change(mails.made_up(), chance)
    machine.write(place, texts)
    if fault:
        machine.claude.fault(fault, times=1 + seed % 2, route="cancel", seconds=0.3)
    if killed:
        tries.note(machine.start(place, kill_at(chance.randrange(len(bench.points)))).join())
    tries.finish()
    name = f"{change.__name__[1:]}{', orphan' if orphan else ''}{', killed' if killed else ''}"
    name += f", {fault} on cancel" if fault else ""
    # A kill on the way may lose the answer to a first mail that is new.
    return bench.close("content", name, seed, tries, [], expected=bench.expected(texts, trial=int(killed)))


def _sent(night: Night) -> None:
    night.planned()
    night.submit()


def _paid(bench: Bench) -> int:
    """The second batch is paid for, and not on record."""
    name = "POST /v1/messages/batches, answered"
    found = [point for point in bench.points if point.kind == "call" and point.name == name]
    sent = [point for point in bench.points if point.stage in {"scan", "plan"} or point.stage.startswith("create")]
    return sent.index(found[1]) if found[1] in sent else 0
