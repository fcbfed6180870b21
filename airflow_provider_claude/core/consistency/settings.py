"""What a run asks beside its rows to measure how consistent its answers are, and which figures hold them back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from airflow_provider_claude.core.consistency.comparable import Comparable, comparable
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.numbers import number, whole_number

#: What a plan does about a changed job.
OnChange = Literal["report", "hold"]

#: What a run does about rows whose second answer is another one.
Resolve = Literal["majority"]

#: More rows asked again tell hardly more, and cost as much as the run's own.
MOST_ROWS = 100_000

#: A run with fewer items asks none of them again, unless `least` is smaller: so few tell little.
FEWEST = 100

#: Beyond this, a limit of drift limits nothing.
_MOST_DRIFT = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Consistency:
    """How the consistency of a run's answers is measured. Needs the extra `consistency`.

    :param share: the share of the run's items that is asked a second time (0 to 1). 0: none is.
    :param least: at least so many items are, or all that there are. A run with fewer than 100 asks none again, or with fewer than
        *least*, where that is smaller.
    :param most: at most so many items are.
    :param golden: a table of rows with known answers, such as ``s3://aws_default@mail/golden.parquet`` (templated, read as the
        source is): the columns of the prompt, and one for each field whose answer is known, named as the field. These rows are
        asked among the others, and are in no table and no count.
    :param min_agreement: answers are published where at least this share of the rows gets the same answer twice, as far as that
        is certain: the lower end of its 95% interval. A share for all fields with labels or booleans, or a mapping of shares by
        field, where numbers may stand too. None: any share.
    :param min_golden: answers are published where at least this share of the golden rows is answered right, as far as that is
        certain; a share for all fields with labels or booleans, or a mapping, as *min_agreement*. None: any share.
    :param max_drift: answers are published where no field of labels, nor the outcomes or the length of answers, is further from
        earlier runs than so many times the limit, which one quiet run in a hundred exceeds. 1 holds back what is a warning
        otherwise. None: any distance.
    :param on_change: what the plan does where the model, the prompt, the examples, the schema or the settings of the job are not
        those of the accepted one. ``report``: both jobs are asked about a sample, and the report says which answers changed.
        ``hold``: nothing else is asked, and nothing is published, before ``claude-batch accept``.
    :param change_rows: at most so many items are the sample of a change, and of `order_probe`.
    :param order_probe: ask the sample of each run with the options of each enum in reverse, to measure what their order does.
    :param resolve: ``majority``: the rows whose second answer is another one are asked a third time before the answers are
        published, and of the three answers the one that came twice counts. The answers get a column `claude_votes`. None: no
        second answer changes the table.
    :param confidence_field: a number of the output, 0 to 1, in which the model says how sure it is of its answer. By the golden
        rows, the report says how often it is right when it is so sure; without golden rows, that it is the model's word only. The
        answers get a column `<field>_calibrated`, by the golden rows of the last accepted run of the same job.
        None: no field.
    :raises JobError: a value is out of range.
    """

    share: float = 0.01
    least: int = 200
    most: int = 2_000
    golden: str | None = None
    min_agreement: float | dict[str, float] | None = None
    min_golden: float | dict[str, float] | None = None
    max_drift: float | None = None
    on_change: OnChange = "report"
    change_rows: int = 1_000
    order_probe: bool = False
    resolve: Resolve | None = None
    confidence_field: str | None = None

    def __post_init__(self) -> None:
        number("consistency: share", self.share, 0, 1)
        if self.on_change not in get_args(OnChange):
            raise JobError(f"consistency: on_change is {self.on_change!r}: write 'report' or 'hold'.")
        if self.resolve not in {None, *get_args(Resolve)}:
            raise JobError(f"consistency: resolve is {self.resolve!r}: write 'majority' or None.")
        if self.resolve and not self.share:
            raise JobError("consistency: resolve has no rows to resolve, as share=0 asks no row a second time.")
        for name in ("least", "most", "change_rows"):
            whole_number(f"consistency: {name}", getattr(self, name), 1, MOST_ROWS)
        if self.least > self.most:
            raise JobError(
                f"consistency: least={self.least:,} exceeds most={self.most:,}. Write a smaller least or a larger most."
            )
        self._check_gates()

    def _check_confidence(self, fields: Mapping[str, Comparable]) -> None:
        name = self.confidence_field
        if name is not None and not (name in fields and fields[name].numbers):
            numbers = ", ".join(field for field, kind in fields.items() if kind.numbers)
            raise JobError(
                f"consistency: confidence_field is {name!r}, which is no number of the output "
                f"({numbers or 'it has none'})."
            )

    def _check_gates(self) -> None:
        for gate in ("min_agreement", "min_golden"):
            for name, least in _shares(gate, getattr(self, gate)).items():
                number(name, least, 0, 1)
        if self.min_agreement is not None and not self.share:
            raise JobError("consistency: min_agreement has nothing to judge, as share=0 asks no row a second time.")
        if self.min_golden is not None and not self.golden:
            raise JobError(
                "consistency: min_golden has nothing to judge: write golden, a table of rows with known answers."
            )
        if self.max_drift is not None:
            number("consistency: max_drift", self.max_drift, 0, _MOST_DRIFT)

    @property
    def calibrated_column(self) -> str | None:
        """The column of the answers with the calibrated confidence."""
        return f"{self.confidence_field}_calibrated" if self.confidence_field else None

    @property
    def gates(self) -> list[str]:
        """The settings that can hold answers back."""
        limits = [name for name in ("min_agreement", "min_golden", "max_drift") if getattr(self, name) is not None]
        return [*limits, *(["on_change"] if self.on_change == "hold" else [])]

    def required(self, gate: str, fields: Mapping[str, Comparable]) -> dict[str, float]:
        """The least share by field that *gate*, `min_agreement` or `min_golden`, asks of *fields*; empty where any will do."""
        least: float | dict[str, float] | None = getattr(self, gate)
        if least is None or isinstance(least, dict):
            return least or {}
        return {name: least for name, kind in fields.items() if not kind.numbers}

    def rows(self, items: int) -> int:
        """How many of *items* items are asked a second time."""
        if not self.share or items < self.fewest:
            return 0
        return min(max(round(self.share * items), self.least), self.most, items)

    @property
    def fewest(self) -> int:
        """A run with fewer items asks none of them a second time."""
        return min(self.least, FEWEST)

    def check_fields(self, schema: Mapping[str, Any]) -> None:
        """Raise JobError where answers to *schema* have no field that is to be judged."""
        fields = comparable(schema)
        self._check_confidence(fields)
        for gate in ("min_agreement", "min_golden"):
            wanted = self.required(gate, fields)
            if unknown := [name for name in wanted if name not in fields]:
                raise JobError(
                    f"consistency: {gate} names {', '.join(unknown)}, which is no label, boolean or number of the output. "
                    f"It has {', '.join(fields) or 'none'}."
                )
            if getattr(self, gate) is not None and not wanted:
                raise JobError(
                    f"consistency: {gate} has nothing to judge, as the output has no labels and no booleans. For a number, "
                    f'write {gate}={{"field": 0.9}}.'
                )


def checked_consistency(value: object, schema: Mapping[str, Any]) -> Consistency | None:
    """*value*, which a user has written as `consistency` for answers to *schema*. Raises JobError where it cannot be that."""
    if value is not None and not isinstance(value, Consistency):
        raise JobError(f"consistency is {value!r}: write Consistency(), with the settings that differ, or None.")
    if value is not None:
        value.check_fields(schema)
    return value


def _shares(gate: str, least: object) -> dict[str, object]:
    """Each share in *least*, the value of *gate*, by what a user calls it."""
    name = f"consistency: {gate}"
    if isinstance(least, dict):
        return {f"{name}[{field!r}]": share for field, share in least.items()}
    return {} if least is None else {name: least}
