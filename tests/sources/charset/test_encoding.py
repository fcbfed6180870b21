"""`encoding=` is checked where the DAG is parsed."""

import pytest

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.sources.charset.encoding import check_encoding


@pytest.mark.parametrize(
    "name", ["utf-8", "windows-1252", "gb18030", "gbk", "shift_jis", "macintosh", "utf-16", "cp850", None, ""]
)
def test_the_name_of_a_character_set_is_kept(name: str | None) -> None:
    assert check_encoding(name) == name


def test_a_template_is_checked_once_it_is_rendered() -> None:
    assert check_encoding("{{ params.encoding }}") == "{{ params.encoding }}"


@pytest.mark.parametrize(
    ("name", "close"), [("window-1252", "windows-1252"), ("gb18031", "gb18030"), ("sift-jis", "shift")]
)
def test_an_unknown_name_is_refused_with_close_ones(name: str, close: str) -> None:
    with pytest.raises(JobError, match=close):
        check_encoding(name)


def test_what_is_no_charset_of_texts_is_refused() -> None:
    for name in ("idna", "base64", "rot13", "no such thing", "x" * 5000):
        with pytest.raises(JobError, match="encoding="):
            check_encoding(name)
