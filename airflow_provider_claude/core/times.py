"""Times of records and of the API, which are ISO 8601 texts; and how they are shown to people: in a zone, labelled with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo


def parse_time(text: str) -> datetime:
    """*text* as an aware datetime; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def epoch(text: str) -> float:
    """*text* in epoch seconds."""
    return parse_time(text).timestamp()


def due(deadline: str | None) -> float | None:
    """The time *deadline* in epoch seconds; None where there is none."""
    return None if deadline is None else epoch(deadline)


@cache
def zone_at(zone: str) -> tzinfo:
    """The zone called *zone*: a name such as `Europe/Berlin`, or an offset such as `+02:00`. UTC where it is neither."""
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # what ZoneInfo raises for a name it does not know, or that is no name
        return _offset(zone)


def _offset(zone: str) -> tzinfo:
    try:
        return datetime.strptime(zone, "%z").tzinfo or UTC
    except ValueError:
        return UTC


def label(moment: datetime) -> str:
    """The short name of the zone of *moment*: `CET`, `UTC`, `UTC+03`."""
    name = moment.strftime("%Z") or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name


def shown(moment: datetime, form: str = "%Y-%m-%d %H:%M") -> str:
    """*moment* as people read it, with its zone."""
    return f"{moment.strftime(form)} {label(moment)}"


def shown_in(text: str, zone: str, form: str = "%Y-%m-%d %H:%M") -> str:
    """The ISO 8601 time *text* as people in *zone* read it, with the zone."""
    return shown(parse_time(text).astimezone(zone_at(zone)), form)


def moment_in(seconds: float, zone: str) -> str:
    """The epoch second *seconds* as people in *zone* read it: the day, the time and the zone."""
    return shown(datetime.fromtimestamp(seconds, zone_at(zone)))


def clock_in(zone: str) -> Callable[[float], str]:
    """A clock in *zone*: it writes an epoch second as `09:00 CET`."""
    return lambda seconds: shown(datetime.fromtimestamp(seconds, zone_at(zone)), "%H:%M")


def duration(seconds: float | None) -> str:
    """`2 h 05 min`, `12 min`, `40 s`."""
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
