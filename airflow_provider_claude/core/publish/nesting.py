"""Which folders may not lie in which: a run never reads what it, or another run, has written."""

from __future__ import annotations

from airflow_provider_claude.core.globs import Glob, has_wildcards


def is_within(path: str, folder: str) -> bool:
    """Whether *path* is *folder* or lies in it; both absolute, on one store."""
    inner, outer = path.rstrip("/"), folder.rstrip("/")
    return inner == outer or inner.startswith(f"{outer}/")


def is_read(folder: str, source: str) -> bool:
    """Whether *source*, a file, folder or glob, takes in Parquet files of *folder*. A suffix is one in any case."""
    if not has_wildcards(source):
        return is_within(folder, source)
    files = (f"{folder.rstrip('/')}/{name}" for name in ("part-00000.parquet", "day=2026-11-22/part-00000.parquet"))
    return any(map(Glob(source).matches, files))
