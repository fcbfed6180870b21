"""Progress of long work in the log of its task: a line every 30 seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from airflow_provider_claude.core.progress import Progress, Seen


def log_progress(log: Any, what: str, *, clock: Callable[[], float] = time.monotonic) -> Seen:
    """Logs to *log* how many *what* are done, and how fast. Work that takes less than 30 seconds logs nothing."""
    return Progress(lambda line: log.info("%s", line), clock, what).add
