from __future__ import annotations

import pytest

from airflow_provider_claude.core.packing.packing import Packing, check_packable, packing_of
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob


def job(prompt: str = "{body}", **fields: str) -> ClaudeJob:
    properties = {name: {"type": kind} for name, kind in (fields or {"n": "string"}).items()}
    return ClaudeJob(prompt=prompt, output={"type": "object", "properties": properties})


@pytest.mark.parametrize("pack", [1, "1", " 1 "])
def test_one_item_a_request_is_no_packing(pack: object) -> None:
    assert packing_of(pack) is None


def test_a_number_may_come_from_a_template() -> None:
    assert packing_of("5", 1_000, ["customer"]) == Packing(items=5, tokens=1_000, by=("customer",))


@pytest.mark.parametrize(
    ("pack", "tokens", "by"),
    [
        (0, 4000, ()),
        (-1, 4000, ()),
        (21, 4000, ()),
        (2.5, 4000, ()),
        (True, 4000, ()),
        ("many", 4000, ()),
        (None, 4000, ()),
        (5, 99, ()),
        (5, 20_001, ()),
        (5, "x", ()),
        (5, 4000, "customer"),
        (5, 4000, [""]),
    ],
)
def test_silly_values_are_refused(pack: object, tokens: object, by: list[str]) -> None:
    with pytest.raises(JobError):
        packing_of(pack, tokens, by)


def test_each_setting_is_part_of_the_fingerprint() -> None:
    some = [Packing(items=5), Packing(items=6), Packing(items=5, tokens=500), Packing(items=5, by=("a",))]
    assert len({one.fingerprint("plain") for one in some} | {"plain"}) == 5


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (job("<item>{body}</item>"), "tag named item"),
        (job("{body}<check>"), "tag named item"),
        (job(id="string"), "'id'"),
        (job(check="string"), "'check'"),
    ],
)
def test_a_job_that_uses_the_marks_of_packs_cannot_be_packed(asked: ClaudeJob, why: str) -> None:
    with pytest.raises(JobError, match=why):
        check_packable(asked, Packing(items=5), ["body"])


def test_an_isolation_column_has_to_be_there() -> None:
    with pytest.raises(JobError, match="pack_by names tenant"):
        check_packable(job(), Packing(items=5, by=("tenant",)), ["body"])
    check_packable(job(), Packing(items=5, by=("tenant",)), ["body", "tenant"])
