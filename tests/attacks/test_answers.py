"""Answers that a text has brought about: each is judged within 2 GB and 10 s of CPU.

What else holds, and is shown elsewhere:
free text with characters that act, or that are not seen              tests/core/load/test_clean_answers.py
an object that has a name twice                                       tests/core/load/test_repeated_names.py
numbers beyond their column, halves of characters                     tests/stages/load/test_load.py
results under foreign ids, and packed answers of neighbours             tests/stages/test_hostile.py, core/packing/test_packs.py
the canary, echoes of the system prompt                               tests/core/load/test_prompt_leaks.py
templates in texts, HTML and terminal escapes in what people look at  tests/stages/report/test_report.py, tests/cli/test_show.py
formulas in CSV files                                                 tests/core/report/test_formulas.py
budgets and other numbers out of their range                          tests/job/test_numbers.py
"""

from __future__ import annotations

import json

import pytest

from tests.attacks import acts
from tests.attacks.bounded import within_bounds

_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "integer"}}, "required": ["a"]}

_TEXTS = {
    "depth": '{"a":' + "[" * 2_000_000,
    "objects": '{"a":' * 500_000,
    "digits": '{"a":"x","n":' + "9" * 5_000_000 + "}",
    "exponent": '{"a":"x","n":1e' + "9" * 1_000_000 + "}",
    "names": "{" + ",".join(f'"k{n}":1' for n in range(200_000)) + "}",
    "one name": "{" + '"a":"x",' * 300_000 + '"a":"x"}',
    "escapes": '{"a":"' + "\\ud800" * 300_000 + '"}',
    "blanks": " " * 5_000_000 + '{"a":"x"',
}


@pytest.mark.parametrize("what", _TEXTS)
def test_an_answer_of_a_hostile_shape_is_invalid_within_bounds(what: str) -> None:
    usage = {"input_tokens": 1, "output_tokens": 1}
    content = [{"type": "text", "text": _TEXTS[what]}]
    message = {"id": "m", "model": "x", "content": content, "usage": usage, "stop_reason": "end_turn"}
    line = json.dumps({"custom_id": "c", "result": {"type": "succeeded", "message": message}}).encode()
    assert within_bounds(acts.reason_of_answer, line, _SCHEMA)
