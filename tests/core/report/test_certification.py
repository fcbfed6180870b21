"""What the report says of a changed job."""

from __future__ import annotations

import msgspec

from airflow_provider_claude.core.consistency.asked_again import asked_again
from airflow_provider_claude.core.consistency.comparable import Comparable
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.report.certification import Certification, Side

LABELS = {"mood": Comparable()}


def certification(flips: int = 8, rows: int = 100, **more: object) -> Certification:
    before = {str(n): {"mood": "neutral"} for n in range(rows)}
    after = {str(n): {"mood": "positive" if n < flips else "neutral"} for n in range(rows)}
    side = Side(model="m", input_tokens=90.0, output_tokens=12.0, usd_per_thousand="0.0821")
    return Certification(
        parts=["prompt"],
        accepted_at="2026-11-20T04:00:00+00:00",
        accepted_by="the run dag/mails/2026-11-19",
        asked=rows,
        fields=asked_again(LABELS, before, after, asked=rows).fields,
        before=side,
        after=Side(model="m", input_tokens=95.0, output_tokens=14.0, usd_per_thousand="0.0900"),
        **more,
    )


def test_the_flips_stand_with_their_interval_and_the_labels_that_moved() -> None:
    said = certification().sentences()
    assert said[0] == "The prompt differs from the job that the run dag/mails/2026-11-19 accepted on 2026-11-20."
    assert said[1] == "mood: 8 of 100 answers changed (8.0%, 95% interval 4.1 to 15.0%), neutral > positive 8."
    assert "1,000 rows cost $0.0900 by batch without a cache, instead of $0.0821" in said[-1]
    assert "14.0 tokens, instead of 12.0" in said[-1]


def test_rows_with_one_answer_alone_are_counted() -> None:
    assert any("3 have an answer only of the accepted job" in one for one in certification(only_before=3).sentences())


def test_a_held_run_says_why_and_the_one_command_that_accepts() -> None:
    problem = certification(held=True).problem("/data/dag/mails/2026-11-21")
    assert problem.startswith("The prompt differs")
    assert "`claude-batch accept /data/dag/mails/2026-11-21` and clear the plan task" in problem


def test_where_nothing_could_be_compared_the_reason_is_said() -> None:
    found = Certification(
        parts=["model"], accepted_at="2026-11-20", accepted_by="me", why_not="its model m is retired."
    )
    assert found.sentences()[-1] == "The accepted job was not asked: its model m is retired."
    assert found.warning() == " ".join(found.sentences())


def test_a_job_that_was_asked_is_not_said_not_to_have_been() -> None:
    found = msgspec.structs.replace(certification(), why_not="no row of the sample has an answer of both jobs")
    assert found.sentences()[1:] == [
        "The answers of both jobs are not compared: no row of the sample has an answer of both jobs."
    ]


def test_beside_the_flips_stands_how_many_answers_the_new_job_changes_by_itself() -> None:
    first = {str(n): {"mood": "neutral"} for n in range(100)}
    second = {str(n): {"mood": "positive" if n < 3 else "neutral"} for n in range(100)}
    again = asked_again(LABELS, first, second, asked=100)
    said = certification().beside(Measured(again=again)).sentences()
    assert said[1].endswith("neutral > positive 8. Asked again as it is, the new job changes 3.0%.")
