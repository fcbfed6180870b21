"""Inventories for intersphinx from a list in the repository: Sphinx then knows the pages without fetching anything."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path


def write_inventories(listed: Path, to: Path) -> Iterator[tuple[str, str, Path]]:
    """Write one inventory for each site in *listed* into *to*; name, base URL and file of each.

    A site is a line `name URL`; the lines under it that are indented name its pages, or `object page#anchor`.
    """
    to.mkdir(parents=True, exist_ok=True)
    for block in listed.read_text("utf-8").strip().split("\n\n"):
        (head, *pages) = block.splitlines()
        name, url = head.split()
        path = to / f"{name}.inv"
        path.write_bytes(_inventory(name, pages))
        yield name, url, path


def _inventory(name: str, pages: list[str]) -> bytes:
    head = [
        "Sphinx inventory version 2",
        f"Project: {name}",
        "Version: ",
        "The remainder of this file is compressed using zlib.",
    ]
    return "".join(f"# {line}\n" for line in head).encode() + zlib.compress("".join(map(_entry, pages)).encode())


def _entry(line: str) -> str:
    known, _, place = line.strip().partition(" ")
    return f"{known} py:class 1 {place} -\n" if place else f"{known} std:doc -1 {known}.html -\n"
