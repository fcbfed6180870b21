"""The tree of the package as text, a line a module with its first sentence; and which of its rooms import which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from docs.ext.modules import PACKAGE, Module

WIDTH = 110


def as_text(modules: Mapping[str, Module], depth: int, under: str = "") -> str:
    """The tree below the room *under*, down to *depth* names; a deeper room is one line."""
    below = [name for name in modules if name and (not under or name == under or name.startswith(f"{under}."))]
    shown = [name for name in below if name.count(".") < depth + (under.count(".") + 1 if under else 0)]
    lines = [_line(modules, name, under) for name in shown if name != under]
    return "\n".join([f"{PACKAGE}/{under.replace('.', '/')}".rstrip("/") + "/", *lines])


def rooms(modules: Mapping[str, Module], under: str = "") -> dict[str, set[str]]:
    """The members of the room *under*, each with those that it imports."""
    found: dict[str, set[str]] = {}
    for name, module in modules.items():
        here = _member(name, under)
        if here:
            known = found.setdefault(here, set())
            known.update(there for one in module.imports if (there := _member(one, under)) and there != here)
    return {name: {one for one in known if one in found} for name, known in sorted(found.items())}


def levels(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The members of *graph* from the bottom up: each stands above all that it imports. Raises ValueError for a circle."""
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        raise ValueError(f"a circle of imports: {' > '.join(error.args[1])}") from error
    found = []
    while sorter.is_active():
        ready = sorter.get_ready()
        found.append(sorted(ready))
        sorter.done(*ready)
    return found


def _line(modules: Mapping[str, Module], name: str, under: str) -> str:
    steps = name.removeprefix(f"{under}." if under else "").split(".")
    room = any(other.startswith(f"{name}.") for other in modules)
    label = f"{'    ' * len(steps)}{steps[-1]}{'/' if room else '.py'}"
    summary = modules[name].summary
    room_left = WIDTH - max(len(label), 31) - 1
    return f"{label:<31} {_cut(summary, room_left)}".rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"


def _member(name: str, under: str) -> str:
    """Which member of the room *under* the module *name* is in; empty where it is in none."""
    if under and not name.startswith(f"{under}."):
        return ""
    return name.removeprefix(f"{under}." if under else "").split(".")[0]


def arrows(graph: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Who imports whom."""
    for name, known in graph.items():
        yield from ((name, one) for one in sorted(known))
