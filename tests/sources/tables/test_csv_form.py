"""How a CSV file is laid out: the delimiter is found by its first lines, of which a bounded part is looked at."""

from __future__ import annotations

import io

import pytest

from airflow_provider_claude.sources.tables.csv_form import Form, read_form
from airflow_provider_claude.sources.tables.csv_lines import Lines

MB = 1 << 20


class Counted(Lines):
    """Lines that count the characters that are looked at."""

    looked_at = 0

    def text(self, line: str) -> str:
        self.looked_at += len(line)
        return super().text(line)


def lines_of(data: bytes) -> Counted:
    return Counted(io.BufferedReader(io.BytesIO(data)), None)  # type: ignore[arg-type]


def test_of_a_row_of_many_megabytes_one_is_looked_at_for_the_delimiter() -> None:
    lines = lines_of(b"id,text\n1," + b"b;c;d " * MB + b"\n")
    assert read_form(lines) == Form(",", ["id", "text"], 1)
    assert lines.looked_at < 2 * MB


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_first_row_that_is_cut_does_not_speak_for_another_delimiter(delimiter: str, quote: str) -> None:
    others = ",;\t|".replace(delimiter, "")
    row = delimiter.join(["1", f"{quote}{f'a{others}b ' * (MB // 3)}{quote}", "z"])
    header = delimiter.join(["id", "text", "mood"])
    assert read_form(lines_of(f"{header}\n{row}\n".encode())) == Form(delimiter, ["id", "text", "mood"], 1)


def test_a_header_of_many_megabytes_is_read_whole() -> None:
    names = [f"name {number}" for number in range(200_000)]
    assert read_form(lines_of(";".join(names).encode() + b"\n1;2\n")) == Form(";", names, 1)


def test_rows_behind_the_lines_that_were_looked_at_are_still_there() -> None:
    lines = lines_of(b"id,text\n1," + b"x" * 2 * MB + b"\n2,y\n")
    read_form(lines)
    assert [len(line) for line in lines.feed()] == [2 * MB + 3, 4]
