"""Round clock times along an axis."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

_DAY = 86_400
_STEPS = (10, 30, 60, 300, 600, 1800, 3600, 7200, 14_400, 21_600, 43_200)


def round_times(start: float, end: float, zone: tzinfo) -> list[float]:
    """At most eight times from *start* to *end* (epoch seconds) that are round on a clock in *zone*."""
    offset = (datetime.fromtimestamp(start, zone).utcoffset() or timedelta()).total_seconds()
    steps = [step for step in _STEPS if (end - start) / step <= 7]
    step = steps[0] if steps else _DAY * -(-(end - start) // (7 * _DAY))
    first = -(-(start + offset) // step) * step
    return [first - offset + i * step for i in range(int((end + offset - first) // step) + 1)]


def clock(moment: float, zone: tzinfo, *, with_day: bool = False) -> str:
    """*moment* as `09:00`, with seconds where it has some, and the day on a second line."""
    at = datetime.fromtimestamp(moment, zone)
    seconds = ":%S" if at.second else ""
    return at.strftime(f"%H:%M{seconds}" + ("\n%d %b" if with_day else ""))
