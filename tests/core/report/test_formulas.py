from __future__ import annotations

import pyarrow as pa
import pytest

from airflow_provider_claude.core.report.formulas import without_formulas


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd|x", "-2+3", "@SUM(A1)", " =1", '"=1', "'=1", "\u00a0=1", "＝1", "＋1", "－1", "＠a"],
)  # fmt: skip
def test_an_apostrophe_stands_before_a_formula(text: str) -> None:
    assert without_formulas(pa.array([text])).to_pylist() == [f"'{text}"]


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1"])
def test_what_splits_a_text_may_be_its_first_character(text: str) -> None:
    [found] = without_formulas(pa.array([text])).to_pylist()
    assert found == f"'{text[0]}'{text[1:]}"


@pytest.mark.parametrize("between", [";", "; ", "\n", "\n\n ", "\r\n", "\t", ';"', "\n'"])
@pytest.mark.parametrize("formula", ["=HYPERLINK(1)", "@SUM(A1)", "+1+cmd", "-1+cmd", "＝1"])
def test_a_text_holds_no_formula_for_a_spreadsheet_that_splits_it_at_other_places(between: str, formula: str) -> None:
    assert without_formulas(pa.array([f"Dear all{between}{formula}"])).to_pylist() == [f"Dear all{between}'{formula}"]


@pytest.mark.parametrize(
    "text", ["-1", "+4917012345678", "-1.5", "1e-9", "a@b.c", "a=b", "", "Müller", "2026-11-30", "a; b\nc"]
)
def test_numbers_and_other_texts_stay_as_they_are(text: str) -> None:
    assert without_formulas(pa.array([text, None])).to_pylist() == [text, None]
