"""Courses a night can take: all by batch, by the sync lane, in packs, with a release, with a screening."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.report.thresholds import Thresholds
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.screening import SCREEN
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.scan.release_rows import Act, release
from tests.chaos import mails
from tests.chaos.night import IN_FLIGHT, SHARD_ROWS, Night

_PASS = ScanPolicy(high="pass", medium="pass", low="pass")


class Fault(NamedTuple):
    """A fault of the simulator, see its FAULTS; *times* None: always."""

    name: str
    route: str | None = None
    times: int | None = 1


@dataclass(frozen=True, kw_only=True)
class Course:
    """*work* is a whole night; its points count from the first stage that starts with *begins*.

    *stored*: on the object store. *lost*: so many synchronous answers each kill may lose, which are paid for again. *faults*
    of the simulator are set before it begins. So many contents may be paid *doubled*, because the night waits no longer.
    """

    name: str
    work: Callable[[Night], None]
    begins: str = ""
    texts: Callable[[], mails.Mails] = mails.made_up
    lost: int = 0
    stored: bool = False
    faults: tuple[Fault, ...] = ()
    doubled: int = 0

    def on_objects(self) -> Course:
        """The same on the object store, where the sync lane keeps what it was answered every two seconds: a shard may be lost."""
        lost = max(self.lost, SHARD_ROWS) if self.lost else 0
        return replace(self, name=f"{self.name}, object store", stored=True, lost=lost)


def _by_sync(night: Night) -> None:
    replace(night, lanes=LaneSettings(lane="sync")).whole()


def _packed(night: Night) -> None:
    replace(night, pack=Packing(items=8, tokens=4_000)).whole()


def _released(night: Night) -> None:
    """A whole night; then a person lets a row out of quarantine, and it is run again."""
    night.whole()
    night.mark("release")
    release(night.run, [f"id:mail-{mails.ASIDE}"], Act("a person", night.clock(), run_id="by hand"))
    replace(night, mark=_after("release, ", night.mark)).whole()


def _screened(night: Night) -> None:
    """The doubtful rows are asked about first, in a run of their own; then the source is scanned again."""
    night.scan()
    screening = replace(
        night,
        job=SCREEN,
        group="mail.screen",
        source=night.run.file("doubts"),
        policy=_PASS,
        thresholds=Thresholds(refused=1.0, invalid=1.0),
        mark=_after("screen ", night.mark),
    )
    screening.whole()
    replace(night, screened=screening.run, mark=_after("rescan, ", night.mark)).whole()


def _after(prefix: str, mark: Callable[[str], None]) -> Callable[[str], None]:
    return lambda stage: mark(prefix + stage)


BATCHES = Course(name="kill", work=Night.whole)
STORED = BATCHES.on_objects()

#: Of five cases these are on the object store, unless their kind is about one of the two places.
OF_FIVE = frozenset({1, 3})

COURSES: Mapping[str, Course] = {
    one.name: one
    for one in (
        Course(name="kill, sync lane", work=_by_sync, lost=IN_FLIGHT),
        Course(name="kill, packed", work=_packed),
        Course(name="kill, release", work=_released, begins="release"),
        Course(name="kill, screening", work=_screened, texts=mails.doubtful),
    )
}
