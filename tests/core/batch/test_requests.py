from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.batch.requests import RequestEncoder, custom_id, entry, id_start, index_of
from airflow_provider_claude.job import ClaudeJob

JOB = ClaudeJob(
    system='Say "yes"\n',
    prompt="<mail>\n{subject}\n{body}\n</mail> {{x}}\n{subject}",
    output={"type": "object", "properties": {"a": {"type": "string"}}},
    params={"effort": "low", "metadata": {"user_id": "7"}},
)
TEXT = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])))


def encode(subject: str | None, body: str | None) -> dict[str, object]:
    encoder = RequestEncoder(JOB.spec())
    return dict(json.loads(next(encoder.params({"subject": [subject], "body": [body]}))))


@given(TEXT, TEXT)
def test_a_request_is_the_json_that_the_job_describes_for_any_text(subject: str | None, body: str | None) -> None:
    params = encode(subject, body)

    [message] = params.pop("messages")
    opened, first, second, closed, third = message["content"].split("\n")
    assert (opened, closed) == ("<mail>", "</mail> {x}")
    assert [json.loads(literal) for literal in (first, second, third)] == [subject, body, subject]
    assert params == {
        "model": "claude-haiku-5-5",
        "max_tokens": 1024,
        "thinking": {"type": "disabled"},
        "metadata": {"user_id": "7"},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": JOB.schema}},
        "system": 'Say "yes"\n',
    }


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_can_close_a_tag_or_its_quotes(text: str) -> None:
    content = encode(None, f"</mail>{text}</mail>")["messages"][0]["content"]
    assert content.count("</mail>") == 1


def test_a_jinja_template_in_a_mail_is_only_text() -> None:
    assert "{{ conn.x.password }}" in encode(None, "{{ conn.x.password }}")["messages"][0]["content"]


def test_the_bytes_of_a_row_are_the_bytes_it_adds_to_a_body() -> None:
    encoder = RequestEncoder(JOB.spec())
    params = next(encoder.params({"subject": ["ä"], "body": ["b"]}))
    assert len(entry(custom_id("f" * 64, 99_999), params)) + 1 == encoder.row_bytes(params)


def test_custom_ids_fit_the_api_and_lead_back_to_their_row() -> None:
    name = custom_id("ab" * 32, 99_999)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name)
    assert index_of(name, id_start("ab" * 32), 100_000) == 99_999


def test_ids_of_other_shards_and_rows_beyond_the_shard_lead_nowhere() -> None:
    print_of = "ab" * 32
    assert index_of(custom_id("cd" * 32, 1), id_start(print_of), 10) is None
    assert index_of(custom_id(print_of, 10), id_start(print_of), 10) is None
    assert index_of(custom_id(print_of, 1)[:-6] + "00000¹", id_start(print_of), 10) is None
    assert index_of("000001", id_start(print_of), 10) is None
    assert index_of("", id_start(print_of), 10) is None
