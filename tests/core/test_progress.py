from __future__ import annotations

import pytest

from airflow_provider_claude.core.progress import Progress, line


class Clock:
    """Seconds, as a test sets them."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_line_is_said_at_most_every_thirty_seconds_and_has_all_that_was_done() -> None:
    said: list[str] = []
    clock = Clock()
    progress = Progress(said.append, clock, "rows scanned", 100_000)
    for _ in range(75):
        clock.now += 1
        progress.add(1_000)
    assert said == [
        "30,000 of 100,000 rows scanned, 1,000 a second, about 70 s left",
        "60,000 of 100,000 rows scanned, 1,000 a second, about 40 s left",
    ]


def test_short_work_says_nothing() -> None:
    said: list[str] = []
    clock = Clock()
    progress = Progress(said.append, clock, "rows scanned")
    for _ in range(29):
        clock.now += 1
        progress.add(50_000)
    assert said == []


@pytest.mark.parametrize(
    ("done", "total", "seconds", "said"),
    [
        (900, None, 30.0, "900 rows, 30 a second"),
        (1, 10, 60.0, "1 of 10 rows, 1 a minute, about 9 min left"),
        (0, 10, 30.0, "0 of 10 rows, 0 a minute"),
        (12, 10, 1.0, "12 of 10 rows, 12 a second, about 0 s left"),
        (5, 10, 0.0, "5 of 10 rows, 0 a minute"),
    ],
)
def test_a_line_says_how_much_how_fast_and_how_long_the_rest_takes(
    done: int, total: int | None, seconds: float, said: str
) -> None:
    assert line(done, total, seconds, "rows") == said
