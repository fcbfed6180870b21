"""How a source is scanned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from airflow_provider_claude.core.scan.pii.redaction import Redacting
from airflow_provider_claude.core.scan.policy import ScanPolicy, check_likeness
from airflow_provider_claude.core.scan.row_limits import check_row_limits
from airflow_provider_claude.core.scan.signatures.rules import SUFFIXES, RuleFile
from airflow_provider_claude.core.scan.trimming import Trimming
from airflow_provider_claude.core.scan.unreadable_files import UnreadableFiles
from airflow_provider_claude.core.tables import (
    CANDIDATE_FIELDS,
    DOUBT_FIELDS,
    DUPLICATE_FIELDS,
    ITEM_FIELDS,
    ORIGINAL_FIELDS,
    QUARANTINE_FIELDS,
    carried_fields,
    flip_fields,
    source_name,
    with_columns,
)
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.extras import need
from airflow_provider_claude.store import RunFolder


@dataclass(frozen=True, kw_only=True)
class ScanSettings:
    """How a source is scanned.

    *text_columns* are what the job sends: cleaned, judged and compared. *carry* goes along unread, cleaned where it is a text
    column too; *typed* are those of its columns that are no text, as the source has them. A row is set aside where its texts
    together, or one carried text, are longer than *max_chars* as they came. *closing_tags* are tags of the prompt, such as
    `</email>`: a text that closes one is noted; *confidential* is the word that no answer may hold, see
    `core.scan.shape_limits`; *labels* are those of the job's output, which a text may try to dictate. *policy* decides about
    rows with findings, *redact* says what in the texts is replaced by tokens, if anything, and *trimming* what is scanned but
    not sent. *screened* is the run folder of the screening that asks Claude about doubtful rows; *flip* are the fields of the
    output that it compares, where it asks the job's question twice (see `core.scan.flip`). Rows whose texts are similar by
    *near_duplicates* (0.5 to 1) or more are asked once; None: only where they are the very same. A part file has *part_rows*
    rows. *unreadable_files* says whether a scan fails where a file cannot be read whole, or continues without the lost rows.
    """

    text_columns: Sequence[str]
    carry: Sequence[str] = ()
    typed: Sequence[pa.Field] = ()
    part_rows: int = 10_000
    max_chars: int = 100_000
    closing_tags: Sequence[str] = ()
    confidential: str = field(default="", repr=False)
    labels: Sequence[str] = ()
    policy: ScanPolicy = field(default_factory=ScanPolicy)
    near_duplicates: float | None = None
    screened: RunFolder | None = None
    flip: Sequence[str] = ()
    redact: Redacting | None = None
    trimming: Trimming = field(default_factory=Trimming)
    unreadable_files: UnreadableFiles = "fail"

    @property
    def columns(self) -> list[str]:
        """What is wanted of the source, each once."""
        return list(dict.fromkeys([*self.text_columns, *self.carry]))

    @property
    def candidates(self) -> pa.Schema:
        """The shape of the candidates' table."""
        return with_columns(CANDIDATE_FIELDS, self.fields)

    @property
    def schemas(self) -> dict[str, pa.Schema]:
        """The shapes of the tables of a scan."""
        shown = [one for one in self.fields if source_name(one.name) == one.name]
        return {
            "items": with_columns(ITEM_FIELDS, self.fields),
            "quarantine": with_columns(QUARANTINE_FIELDS, shown),
            "duplicates": with_columns(DUPLICATE_FIELDS, carried_fields(pa.schema(self.fields), self.carry)),
            "originals": with_columns(ORIGINAL_FIELDS, self.text_columns),
            "doubts": flip_fields(self.text_columns) if self.flip else pa.schema(DOUBT_FIELDS),
        }

    @property
    def fields(self) -> list[pa.Field]:
        """The columns of the source, as the run folder has them."""
        typed = {one.name: one for one in self.typed}
        texts = [name for name in self.columns if name not in typed]
        return [*(pa.field(name, pa.string()) for name in texts), *self.typed]

    def __post_init__(self) -> None:
        check_row_limits(max_chars=self.max_chars, part_rows=self.part_rows)
        if self.near_duplicates is None:
            return
        need("near", "near_duplicates")
        check_likeness(self.near_duplicates)


def rules_in(folders: Sequence[str]) -> tuple[RuleFile, ...]:
    """The files with rules in *folders*, by name. Raises JobError where a folder has none, or one cannot be read."""
    return tuple(file for folder in folders for file in _rules_in(Path(folder)))


def _rules_in(folder: Path) -> Iterator[RuleFile]:
    if not folder.is_dir():
        raise JobError(f"There is no folder {folder} with rules: create it, or take it out of rule_folders.")
    paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    if not paths:
        raise JobError(
            f"The folder {folder} has no rules: put files ending in .yar there, or take it out of rule_folders."
        )
    for path in paths:
        try:
            yield RuleFile(str(path), path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as e:
            raise JobError(f"{path} cannot be read as rules in UTF-8: {e}.") from e
