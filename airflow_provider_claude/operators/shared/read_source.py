"""Read a source: how an operator opens it, scans it and logs what was read."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.report.ledger import in_words
from airflow_provider_claude.core.sql_uri import is_sql, sql_uri
from airflow_provider_claude.errors import JobError, SourceError
from airflow_provider_claude.operators.shared.confidential import confidential_word
from airflow_provider_claude.operators.shared.redacting import carried_as_they_are, with_cipher
from airflow_provider_claude.runtime.databases import source_database
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import allowed_sources, run_folder, source_path
from airflow_provider_claude.sources.sql_source import ClaudeSqlSource

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.core.scan.origin import MissingSource
    from airflow_provider_claude.core.scan.pii.redaction import Redacting
    from airflow_provider_claude.core.scan.policy import ScanPolicy
    from airflow_provider_claude.core.scan.screens import Screen
    from airflow_provider_claude.core.scan.trimming import Trimming
    from airflow_provider_claude.core.scan.unreadable_files import UnreadableFiles
    from airflow_provider_claude.job import ClaudeJob
    from airflow_provider_claude.sources.files.allowed import Allowed
    from airflow_provider_claude.sources.rows.batches import RowSource
    from airflow_provider_claude.sources.source import Source
    from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
    from airflow_provider_claude.store import RunFolder, ScanRecord


class ReadsSource:
    """Makes an operator read a source by its parameters, which ClaudeInputScanOperator describes."""

    source: str | ClaudeSqlSource
    run_folder: str
    columns: Sequence[str]
    carry: Sequence[str]
    id_column: str | None
    source_format: str | None
    encoding: str | None
    missing_source: MissingSource
    closing_tags: Sequence[str]
    job: ClaudeJob | None
    work: str | None
    policy: ScanPolicy
    trimming: Trimming
    redacting: Redacting | None
    unreadable_files: UnreadableFiles
    max_chars: int = 100_000
    part_rows: int = 10_000
    near_duplicates: float | None = None
    screen: Screen | None = None
    screened: str | None = None
    golden: str | None = None

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Render the templates; a query that several tasks and runs share stays as it was written."""
        self.source = copy(self.source)
        super().render_template_fields(context, jinja_env)  # type: ignore[misc]

    def opened(self) -> RowSource:
        """The source. Raises SourceError if it, or a column, does not exist."""
        allowed = allowed_sources(self.run_folder)
        carry = carried_as_they_are(self.carry, self.columns, self.redacting)
        if isinstance(self.source, ClaudeSqlSource) or is_sql(self.source):
            return self._opened_database(self.source, allowed, carry)
        from airflow_provider_claude.sources.source import open_source

        return open_source(
            source_path(self.source, allowed),
            allowed=allowed,
            format=self.source_format,
            id_column=self.id_column,
            columns=self.columns,
            carry=carry,
            encoding=self.encoding or None,
            missing=self.missing_source,
        )

    def _opened_database(self, source: str | ClaudeSqlSource, allowed: Allowed, carry: Sequence[str]) -> RowSource:
        from airflow_provider_claude.sources.database_source import open_database

        of_files = {
            "source_format": self.source_format or "",
            "encoding": self.encoding or "",
            "missing_source": self.missing_source.removeprefix("fail"),
            "unreadable_files": self.unreadable_files.removeprefix("fail"),
        }
        for name, value in of_files.items():
            if value:
                raise JobError(
                    f"{name} is {value!r}: it says how files are read, and {source} is a database. Leave it out."
                )
        asked = sql_uri(source, "source") if isinstance(source, str) else source
        return open_database(
            source_database(asked, allowed), asked, id_column=self.id_column, columns=self.columns, carry=carry
        )

    def scan_golden(self, run: RunFolder, log: Any) -> None:
        """Scan the golden table of *run*, as its own rows are scanned; without one, remove that of an earlier scan."""
        from airflow_provider_claude.stages.scan.golden import forget_golden, scan_golden

        if not self.golden:
            forget_golden(run)
            return
        source, known = self._opened_golden(self.golden)
        record = scan_golden(source, run, self.scan_settings(), known, clock=utc_now)
        log.info(
            "%d golden rows read from %s, %d of them are set aside (%s); %s known",
            record.rows,
            record.source,
            record.quarantined,
            in_words(record.by_reason),
            ", ".join(known),
        )

    def _opened_golden(self, golden: str) -> tuple[Source, list[str]]:
        """The table *golden*, and the fields of the output whose answers it knows. Raises SourceError where it has none."""
        from airflow_provider_claude.sources.source import open_source

        allowed = allowed_sources(self.run_folder)
        opened = partial(
            open_source,
            source_path(golden, allowed),
            allowed=allowed,
            id_column=self.id_column,
            encoding=self.encoding or None,
        )
        there = opened().columns
        known = [name for name in self._answered() if name in there and name not in self.columns]
        if not known:
            raise SourceError(
                f"The golden table {golden} has no column named as a field of the output ({', '.join(self._answered())}), "
                "with the known answers. Name one so, or write golden=None."
            )
        return opened(columns=self.columns, carry=known), known

    def _answered(self) -> list[str]:
        """The fields of the output. Raises JobError without a job."""
        if self.job is None:
            raise JobError("golden needs job: the fields of its output say which columns have the known answers.")
        return list(self.job.properties)

    def _flip(self) -> tuple[str, ...]:
        """The fields that are compared where rows are asked twice."""
        from airflow_provider_claude.core.scan.screens import compared

        return compared(self.job.label_fields) if self.screen == "flip" and self.job else ()

    def scan_settings(self) -> ScanSettings:
        from airflow_provider_claude.stages.scan.scan_settings import ScanSettings

        return ScanSettings(
            text_columns=self.columns,
            carry=self.carry,
            part_rows=self.part_rows,
            max_chars=self.max_chars,
            closing_tags=self.closing_tags,
            confidential=confidential_word(self.job, self.work, self.run_folder) if self.job else "",
            labels=self.job.labels if self.job else (),
            policy=self.policy,
            near_duplicates=self.near_duplicates,
            screened=run_folder(self.screened) if self.screened else None,
            flip=self._flip(),
            redact=with_cipher(self.redacting),
            trimming=self.trimming,
            unreadable_files=self.unreadable_files,
        )


def log_scan(log: Any, record: ScanRecord, redacting: Redacting | None) -> None:
    """Log how many rows were read, what happened to them, and what to look at."""
    log.info("%d rows read from %s", record.rows, record.source)
    log.info(
        "%d items to ask (%d of them alone), %d duplicates, %d rows in quarantine (%s)",
        record.items,
        record.suspects,
        record.duplicates,
        record.quarantined,
        in_words(record.by_reason),
    )
    for note in record.origin.notes():
        log.warning("%s", note)
    if record.lost or record.uncounted:
        lost = "%d rows lost in damaged files, and %d damaged regions whose rows cannot be counted: %s"
        log.warning(lost, record.lost, record.uncounted, "; ".join(record.unreadable))
    if redacting:
        log.info("Redacted: %s", in_words(record.redacted))
