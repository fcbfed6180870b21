"""What a night cost, and the tables of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

#: What a task process writes down of its time, in seconds of CPU but for `waiting`.
COSTS = ("cpu", "start", "imports", "work", "waiting")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One night. Seconds are of CPU but for `wall`; `idle` is what the parts cost in that time without work; `loop` is how
    long a fixed loop took around it, in seconds.
    """

    name: str
    rows: int
    state: str
    wall: float
    idle: float
    loop: float
    parts: dict[str, float]
    peaks: dict[str, float]
    tasks: list[dict[str, Any]]

    @property
    def cpu(self) -> float:
        return sum(self.parts.values())

    def of_tasks(self, cost: str) -> float:
        """The sum of a cost over all task processes."""
        return float(sum(task[cost] for task in self.tasks))

    @property
    def largest(self) -> dict[str, Any]:
        """The task process with the highest peak of memory."""
        return max(
            self.tasks, key=lambda task: float(task["peak_mb"]), default={"peak_mb": 0, "fork_mb": 0, "task": "-"}
        )


def details(night: Reading) -> Iterator[str]:
    """The lines of one night: by part of Airflow, by task, and what tasks imported."""
    yield f"\n{night.name}, {night.rows:,} rows: {night.state}"
    yield f"  wall {night.wall:.0f} s, CPU {night.cpu:.1f} s, of which Airflow idle {night.idle:.1f} s"
    for part, seconds in sorted(night.parts.items(), key=lambda pair: -pair[1]):
        peak = f"   peak {night.peaks[part]:5,.0f} MB" if part in night.peaks else ""
        yield f"  {part:<16} {seconds:8.1f} s{peak}"
    heads = ("CPU s", *COSTS[1:], "fork MB", "peak MB", "MB read", "written")
    yield f"  {'task':<28} {'n':>4}{''.join(f' {head:>8}' for head in heads)}"
    for task, lines in sorted(_by_task(night).items(), key=lambda pair: -sum(one["cpu"] for one in pair[1])):
        sums = "".join(f" {sum(one[key] for one in lines):8.2f}" for key in COSTS)
        highest = "".join(f" {max(one[key] for one in lines):8,.0f}" for key in ("fork_mb", "peak_mb"))
        moved = "".join(f" {sum(one[key] for one in lines) / 1e6:8,.1f}" for key in ("bytes_read", "bytes_written"))
        yield f"  {task:<28} {len(lines):4}{sums}{highest}{moved}"
    packages = Counter(
        package for one in night.tasks for package in {name.partition(".")[0] for name in one["modules"]}
    )
    yield f"  imported by tasks: {', '.join(f'{name} {count}' for name, count in packages.most_common(40))}"


def summary(nights: Sequence[Reading]) -> Iterator[str]:
    """A table with the medians of the nights of the same name, and the range of their CPU seconds."""
    best = min(night.loop for night in nights)
    yield "\n| night | n | wall s | CPU s | range | idle | imports | start | work | largest task MB | at its start | loop × |"
    yield "|---|" + "---:|" * 11
    for name in dict.fromkeys(night.name for night in nights):
        those = [night for night in nights if night.name == name]
        if any(night.state != "success" for night in those):
            yield f"| {name} | {len(those)} | {', '.join(night.state for night in those)} |"
            continue
        cpus = [night.cpu for night in those]
        largest = max((night.largest for night in those), key=lambda task: float(task["peak_mb"]))
        figures = (
            f"{median(night.wall for night in those):.0f}",
            f"**{median(cpus):.1f}**",
            f"{min(cpus):.1f} to {max(cpus):.1f}",
            f"{median(night.idle for night in those):.0f}",
            *(f"{median(night.of_tasks(cost) for night in those):.1f}" for cost in ("imports", "start", "work")),
            f"{largest['peak_mb']:.0f} ({largest['task'].rpartition('.')[2]})",
            f"{largest['fork_mb']:.0f}",
            f"{median(night.loop for night in those) / best:.2f}",
        )
        yield f"| {name} | {len(those)} | {' | '.join(figures)} |"


def _by_task(night: Reading) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in night.tasks:
        found[one["task"]].append(one)
    return found
