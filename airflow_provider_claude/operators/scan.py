"""Scan: the source is read once, as a stream, into the items of a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.core.column_names import list_of_names
from airflow_provider_claude.core.report.ledger import in_words
from airflow_provider_claude.core.scan.origin import MissingSource, check_missing
from airflow_provider_claude.core.scan.policy import ScanPolicy, check_likeness
from airflow_provider_claude.core.scan.row_limits import check_row_limits
from airflow_provider_claude.core.scan.screens import check_screen, compared
from airflow_provider_claude.core.scan.trimming import Part, Trimming
from airflow_provider_claude.core.scan.unreadable_files import UnreadableFiles, check_unreadable
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.failure import blaming_the_first
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.shared.lineage import HasLineage
from airflow_provider_claude.operators.shared.read_source import ReadsSource, log_scan
from airflow_provider_claude.operators.shared.redacting import redacting_of
from airflow_provider_claude.operators.shared.run_name import NamesItsRun
from airflow_provider_claude.runtime.hold_run import held
from airflow_provider_claude.runtime.lineage import lineage_of_scan
from airflow_provider_claude.runtime.log_progress import log_progress
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import run_folder
from airflow_provider_claude.runtime.run_context import need_xcom, who_triggered
from airflow_provider_claude.runtime.task_errors import task_errors
from airflow_provider_claude.sources.charset.encoding import check_encoding
from airflow_provider_claude.sources.sql_source import ClaudeSqlSource

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.store import RunFolder, ScanRecord


class ClaudeInputScanOperator(ReadsSource, NamesItsRun, HasLineage, BaseOperator):
    """Reads a source into a run folder: cleaned items, quarantine, duplicates. Returns the run folder's path.

    In its templates, ``{{ day }}`` is the run's data day, ``{{ hour }}`` its hour, and ``{{ partition }}`` the value of
    *partition* (see ``runtime.resolve_day``).

    :param source: file, folder or glob of Parquet, CSV, JSON Lines (plain, gzip, zstd), ``.eml`` or mbox, on any store
        ObjectStoragePath reaches; or a table of a database, ``sql://<conn_id>/<schema>.<table>``, or ``ClaudeSqlSource``
        (templated). It has to be in, or below, one of ``[claude] sources``.
    :param run_folder: where the run keeps its files (templated). The same folder for the same data means that a rerun
        finds what is already paid for; each partition has its own folder.
    :param partition: the partition of the answers, as the plan has it: it only gives ``{{ partition }}`` its value (templated).
    :param columns: the text columns to be sent, as ``job.columns`` lists them.
    :param carry: columns carried to the answers as they are, in their types; they are neither scanned nor sent.
    :param id_column: the column that names a row; None takes file name and row number. Mail names itself.
    :param source_format: ``parquet``, ``csv``, ``jsonl``, ``eml`` or ``mbox``; None: by the file names.
    :param encoding: the character set of CSV, JSON Lines and binary Parquet columns, such as ``windows-1252`` or ``gb18030``
        (templated). None: UTF-8, or what a byte order mark says. Mail declares its own.
    :param closing_tags: delimiters of the prompt, as ``job.closing_tags`` lists them: text that holds one is noted
        (``closes_tag``).
    :param job: what will be asked: a text that holds the confidential word of its requests is set aside
        (``confidential_word``). None: an answer that quotes such a text does not count.
    :param work: as the plan's: the folder whose secret the word is derived from (templated). None: the folder that holds the
        run folder.
    :param max_chars: longer rows are set aside as ``oversize``.
    :param part_rows: rows in one part file of the items.
    :param policy: what happens to a row in which something was found (see ``core.scan.policy.ScanPolicy``).
    :param near_duplicates: how similar texts have to be, 0.5 to 1, to be asked once: the earlier one's answer is that of
        both. None: only the very same. A sender can then cause the answer to mail much like theirs.
    :param screen: how rows in doubt are asked about before the others, by the task group of *screened*: ``claude`` asks whether a
        text tries to steer its reader. ``flip`` asks the question of *job* twice, about the text and about the text without its
        doubtful sentences, and sets the row aside where a label moves.
    :param screened: the run folder of a task group that asks Claude about this run's ``doubts/`` (templated): rows it
        suspects are set aside, rows it finds harmless stop being suspects. That run may be unfinished.
    :param replies: ``drop`` leaves quoted text out of what is sent; the gate still scans it.
    :param signatures: ``drop`` leaves the signature under a text out in the same way.
    :param release: rows of this run folder's quarantine that are released from now on, as selectors such as ``id:m-7``,
        ``rule:override``, ``layer:classifier`` or ``all`` (templated; a list, or its JSON). A cleared run does not
        release rows that were quarantined since.
    :param redact: the kinds of data in texts that are first of all replaced by tokens such as
        ``[EMAIL-7f3a9c52d0e14b86]``: ``email``, ``phone``, ``card``, ``iban``, ``national_id``, ``secret``;
        True for all of these.
    :param redaction_mapping: keep what the tokens stand for, encrypted with Airflow's Fernet key.
    :param redact_region: where phone numbers without a country code belong, such as ``US``; None leaves them alone.
    :param redact_countries: whose national ids are looked for, all that are known by default.
    :param unreadable_files: ``fail``: the scan fails where a file cannot be read whole, and the number of rows that are lost
        with it is not known. ``quarantine``: it continues without them, and the report says so.
    :param missing_source: ``fail``: the scan fails where there is no file at *source*. ``empty``: that is a day without data, and
        the run continues with 0 rows.
    :param golden: a table of rows with known answers, for the plan's ``consistency`` (templated): *columns*, and one for each
        field of *job* whose answer is known, named as the field. It is scanned as the source is, and is no part of it.
    """

    template_fields: Sequence[str] = (
        "source",
        "run_folder",
        "partition",
        "id_column",
        "source_format",
        "encoding",
        "screened",
        "release",
        "work",
        "golden",
    )
    ui_color = "#e8f0e4"

    def __init__(
        self,
        *,
        source: str | ClaudeSqlSource,
        run_folder: str,
        columns: Sequence[str],
        partition: str | None = "{{ day }}",
        carry: Sequence[str] = (),
        id_column: str | None = "id",
        source_format: str | None = None,
        encoding: str | None = None,
        closing_tags: Sequence[str] = (),
        job: ClaudeJob | None = None,
        work: str | None = None,
        max_chars: int = 100_000,
        part_rows: int = 10_000,
        policy: ScanPolicy | None = None,
        near_duplicates: float | None = None,
        screen: str | None = None,
        screened: str | None = None,
        replies: Part = "keep",
        signatures: Part = "keep",
        release: Sequence[str] | str = (),
        redact: Sequence[str] | bool = False,
        redaction_mapping: bool = False,
        redact_region: str | None = None,
        redact_countries: Sequence[str] | None = None,
        unreadable_files: UnreadableFiles = "fail",
        missing_source: MissingSource = "fail",
        golden: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        need_xcom(self)
        self.source = source
        self.run_folder = run_folder
        self.partition = partition
        self.columns = list_of_names("columns", columns)
        self.carry = list_of_names("carry", carry)
        self.id_column = id_column
        self.source_format = source_format
        self.encoding = check_encoding(encoding)
        self.closing_tags = tuple(closing_tags)
        self.job = job
        self.work = work
        check_row_limits(max_chars=max_chars, part_rows=part_rows)
        self.max_chars = max_chars
        self.part_rows = part_rows
        if policy is not None and not isinstance(policy, ScanPolicy):
            raise JobError(f"policy is a {type(policy).__name__}: write ScanPolicy(…), from core.scan.policy.")
        self.policy = policy or ScanPolicy()
        self.near_duplicates = check_likeness(near_duplicates)
        self.screen = check_screen(screen)
        if self.screen == "flip":
            compared(job.label_fields if job else ())
        self.screened = screened
        self.trimming = Trimming(replies=replies, signatures=signatures)
        self.release = release
        self.unreadable_files = check_unreadable(unreadable_files)
        self.missing_source = check_missing(missing_source)
        self.golden = golden
        self.redacting = redacting_of(
            redact, mapping=redaction_mapping, region=redact_region, countries=redact_countries
        )

    def execute(self, context: Context, waiting_since: float | None = None) -> str:
        from airflow_provider_claude.stages.scan.run import scan

        with task_errors(), blaming_the_first(context), held(self, context, run=self.run_folder, since=waiting_since):
            run = run_folder(self.run_folder)
            self.release_rows(run, context)
            self.scan_golden(run, self.log)
            seen = log_progress(self.log, "rows scanned")
            self.say(scan(self.opened(), run, self.scan_settings(), clock=utc_now, seen=seen))
        return self.run_folder

    def resume(self, context: Context, event: Any = None, waiting_since: float | None = None) -> Any:
        """Continue after a deferral: another run was active in the run folder."""
        return self.execute(context, waiting_since)

    def say(self, record: ScanRecord) -> None:
        """Log what was read, and keep where it came from."""
        self.keep_lineage(lambda: lineage_of_scan(record))
        log_scan(self.log, record, self.redacting)

    def release_rows(self, run: RunFolder, context: Context) -> None:
        """Release the rows that this run was asked to release, once."""
        from airflow_provider_claude.stages.scan.release_rows import Act, release, unmatched

        selectors = selectors_of(self.release)
        if selectors and run.scan() is None:
            self.log.warning("No rows released now: %s holds no complete scan. Earlier releases still apply.", run)
        elif selectors:
            record = release(run, selectors, Act(by=who_triggered(context), at=utc_now(), run_id=context.get("run_id")))
            self.log.info(
                "%d rows released from quarantine (%s) at %s", len(record.rows), in_words(record.by_reason), record.at
            )
            for sentence in unmatched(run, selectors):
                self.log.warning("%s", sentence)


def selectors_of(release: Sequence[str] | str | None) -> list[str]:
    """The selectors in *release*: a list, its JSON, or text with one a line.

    Raises JobError for JSON that is not a list of texts.
    """
    if not release:
        return []
    if not isinstance(release, str):
        return list(release)
    text = release.strip()
    if not text.startswith(("[", "{", '"', "null")):
        return [line.strip() for line in text.splitlines() if line.strip()]
    try:
        return msgspec.json.decode(text, type=list[str] | None) or []
    except msgspec.MsgspecError as error:
        raise JobError(f"release is not a list of selectors: {error}. Write one such as ['rule:override'].") from error
