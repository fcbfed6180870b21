"""The probe of a plan that asks a sample of its rows a second time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from airflow_provider_claude.core.cost.estimate import usd, with_cache
from airflow_provider_claude.extras import not_installed
from airflow_provider_claude.stages.plan.choose_cache import warm
from airflow_provider_claude.stages.plan.probe_room import (
    Planned,
    added,
    explained,
    left_out,
    no_room,
    seed_of,
    why_not,
)
from airflow_provider_claude.stages.plan.start import Start
from airflow_provider_claude.stages.probes.measure_again import AGAIN
from airflow_provider_claude.stages.probes.plan_again import again_probe
from airflow_provider_claude.stages.probes.write_probe import Weighed

#: The gates that need what the probe measures.
_JUDGED = ("min_agreement", "min_golden")

_VOTE = (
    "Those whose second answer is another one are asked a third time on the Messages API before the answers are published, and "
    "the majority counts: that is not estimated, and within the budget."
)


def with_again(start: Start, planned: Planned) -> Planned:
    """*planned* with the probe, where the settings ask for it and there is room; else with the reason why not."""
    wanted = start.settings.consistency
    if wanted is None or not planned.record.shards:
        return planned
    rows, golden = wanted.rows(start.scan.items), bool(wanted.golden)
    judged = [gate for gate in wanted.gates if gate in (_JUDGED if rows else _JUDGED[1:])]
    if not rows and not golden:
        few = f"fewer than {wanted.fewest:,} different texts tell little"
        return _without(planned, few, judged) if wanted.share else planned
    return _with_again(start, planned, rows, golden=golden, judged=judged)


def with_golden_alone(start: Start, planned: Planned) -> Planned:
    """*planned*, whose run is held, with the probe of golden rows, where the settings have any: no gate judges it."""
    wanted = start.settings.consistency
    return _with_again(start, planned, 0, golden=True, judged=()) if wanted and wanted.golden else planned


def _with_again(start: Start, planned: Planned, rows: int, *, golden: bool, judged: Sequence[str]) -> Planned:
    why = _without_extra() or why_not(start, planned.record, also_reused=bool(judged))
    weighed = None if why else _weighed(start, planned, rows, golden=golden)
    why = why or (no_room(start, planned, weighed) if weighed else "")
    if weighed is None or why:
        return _without(planned, why, judged)
    wanted = start.settings.consistency
    said = [_asked(weighed, rows), *([_VOTE] if rows and wanted and wanted.resolve else [])]
    return explained(added(start, planned, weighed, AGAIN), said)


def _without(planned: Planned, why: str, judged: Sequence[str]) -> Planned:
    sentence = f"No row is asked a second time in this run: {why}."
    if judged:
        sentence += f" The report will hold the answers back, as {' and '.join(judged)} cannot be judged."
        record = planned.record
        planned = planned._replace(record=msgspec.structs.replace(record, warnings=[*record.warnings, sentence]))
    return explained(left_out(planned, AGAIN, why), [sentence])


def _without_extra() -> str:
    absent = not_installed("consistency")
    install = "install 'airflow-provider-claude[consistency]' to have it measured"
    return f"{absent} ({install})" if absent else ""


def _weighed(start: Start, planned: Planned, rows: int, *, golden: bool) -> Weighed:
    """The probe with its cost by the cache that the run has."""
    record, seed = planned.record, f"{seed_of(start, planned.record)} {AGAIN}"
    weighed = again_probe(start.run, record, planned.tokens, seed, rows=rows, golden=golden)
    return replace(weighed, sums=[with_cache(one, record.price, warm(record.cache)) for one in weighed.sums])


def _asked(weighed: Weighed, rows: int) -> str:
    golden = weighed.rows - rows
    what = [f"{rows:,} rows are asked a second time"] if rows else []
    what += [f"{golden:,} golden rows are asked"] if golden > 0 else []
    return (
        f"{', and '.join(what)}, to measure how consistent the answers are: about {usd(weighed.usd)} more by batch. None of "
        "these answers is published."
    )


def again_note(start: Start) -> list[str]:
    """What a dry run says of the rows that the run would ask a second time, and of golden rows: they are not in the estimate."""
    wanted = start.settings.consistency
    if wanted is None or _without_extra():
        return []
    rows = wanted.rows(start.scan.items)
    what = [f"{rows:,} rows a second time"] if rows else []
    what += ["its golden rows"] if wanted.golden and start.scan.items else []
    return [f"The run would ask {' and '.join(what)}: not counted here."] if what else []
