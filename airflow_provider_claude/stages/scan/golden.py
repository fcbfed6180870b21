"""Scan of the golden table: rows with known answers become items of their own, cleaned and judged as the run's own rows are.

    <run folder>/golden/scan.json  items/  quarantine/  …

Nothing of it is in the run's items, counts or duplicates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from airflow_provider_claude.sources.source import Source
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.store import RunFolder, ScanRecord, remove


def scan_golden(
    source: Source, run: RunFolder, settings: ScanSettings, known: Sequence[str], *, clock: Callable[[], str]
) -> ScanRecord:
    """Read the rows of *source*, whose columns *known* have the known answers, into the golden rows of *run*, as *settings* say.

    What personal data in them stands for is kept nowhere.
    """
    redact = replace(settings.redact, mapping=False) if settings.redact else None
    return scan(
        source,
        run.golden,
        replace(
            settings,
            carry=list(known),
            redact=redact,
            near_duplicates=None,
            screened=None,
            flip=(),
            unreadable_files="fail",
        ),
        clock=clock,
    )


def forget_golden(run: RunFolder) -> None:
    """Remove the golden rows of an earlier scan of *run*."""
    remove(run.golden.path)
