from __future__ import annotations

import pytest

from airflow_provider_claude.core.column_names import check_columns, list_of_names
from airflow_provider_claude.core.tables import ANSWER_KEY_FIELDS, PROVENANCE_FIELDS
from airflow_provider_claude.errors import JobError


def test_columns_of_different_names_go_into_one_table() -> None:
    check_columns(["tone", "score"], ["sender", "sender", "subject"], "day")


def test_a_text_is_not_taken_for_the_names_of_its_letters() -> None:
    with pytest.raises(JobError, match=r"carry is the text 'city': write .* carry=\['city'\]"):
        list_of_names("carry", "city")
    assert list_of_names("carry", ["city"]) == ("city",)


@pytest.mark.parametrize("name", [field.name for field in (*ANSWER_KEY_FIELDS, *PROVENANCE_FIELDS)])
def test_no_other_column_may_have_a_name_of_the_table(name: str) -> None:
    for answers, carry, partition in [([name], [], None), ([], [name.upper()], None), ([], [], name)]:
        with pytest.raises(JobError, match="uses itself"):
            check_columns(answers, carry, partition)


def test_no_other_column_may_be_called_as_that_of_the_calibrated_confidence() -> None:
    check_columns(["sure"], ["day"], None, "sure_calibrated")
    for answers, carry, partition in [(["Sure_calibrated"], [], None), ([], ["sure_calibrated"], None)]:
        with pytest.raises(
            JobError, match=r"column of confidence_field 'sure_calibrated' and the .* would be one column"
        ):
            check_columns(answers, carry, partition, "sure_calibrated")


@pytest.mark.parametrize(
    ("answers", "carry", "partition", "says"),
    [
        (["tone"], ["Tone"], None, "carried column 'Tone' and the output's field 'tone'.*Leave 'Tone' out of carry"),
        (["tone"], [], "TONE", "partition column 'TONE' and the output's field 'tone'.*partition_column"),
        (["tone"], ["day"], "day", "partition column 'day' and the carried column 'day'"),
        ([], ["Id", "ID"], None, "carried column 'ID' and the carried column 'Id'"),
    ],
)
def test_two_columns_that_differ_by_letter_case_alone_are_refused(
    answers: list[str], carry: list[str], partition: str | None, says: str
) -> None:
    with pytest.raises(JobError, match=says):
        check_columns(answers, carry, partition)
