"""Files that ship with the package: prices, limits, rules, the gate's model, the page of the report. Only this module reads
them, each once a process; they are as constant as the code, so `core` may use them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def shipped(package: str, name: str) -> bytes:
    """The file *name* beside the modules of *package*."""
    return files(package).joinpath(name).read_bytes()


@cache
def shipped_names(package: str, suffixes: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the files of *package* that end in one of *suffixes*, sorted."""
    return tuple(sorted(file.name for file in files(package).iterdir() if file.name.endswith(suffixes)))
