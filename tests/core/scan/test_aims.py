"""The table of `make scan-eval` in the docs is a floor: who writes a worse one there has to say so here."""

from __future__ import annotations

from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs" / "explanation" / "injection-gate.md"


def shares(line: str) -> dict[str, float]:
    """Percent by column of the line that begins with *line*."""
    table = DOCS.read_text("utf-8").split("<!-- catches -->")[1].split("<!-- /catches -->")[0]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.strip().splitlines()]
    (found,) = [row for row in rows if row[0].strip("*") == line]
    return {name: float(cell.removesuffix("%")) for name, cell in zip(rows[0][2:], found[2:], strict=True)}


def test_three_of_four_attacks_on_readers_of_mail_and_documents_are_set_aside() -> None:
    assert shares("attacks on readers of mail and documents")["all: aside"] >= 75


@pytest.mark.parametrize(
    ("honest", "most"), [("benign_hard", 0.5), ("sentiment.parquet", 0.1), ("SpamAssassin ham", 0.1)]
)
def test_honest_texts_are_hardly_ever_set_aside(honest: str, most: float) -> None:
    assert shares(honest)["all: aside"] <= most


def test_what_is_smuggled_in_invisible_characters_is_all_set_aside() -> None:
    assert shares("attack: smuggled-bipia (unicode)")["all: aside"] == 100


@pytest.mark.parametrize(
    ("said", "line", "column"),
    [
        (
            "attacks on readers of mail and documents: set aside",
            "attacks on readers of mail and documents",
            "all: aside",
        ),
        ("set aside, or answered alone", "attacks on readers of mail and documents", "all: aside or alone"),
        ("hard honest texts: set aside", "benign_hard", "all: aside"),
        ("honest mail: set aside", "SpamAssassin ham", "all: aside"),
    ],
)
def test_the_docs_say_first_what_unseen_texts_gave_and_beside_it_what_the_table_has(
    said: str, line: str, column: str
) -> None:
    (row,) = [row for row in DOCS.read_text("utf-8").splitlines() if row.startswith(f"| {said} |")]
    unseen, seen = (float(cell.strip(" *%")) for cell in row.strip("|").split("|")[1:])
    assert seen == shares(line)[column]
    assert unseen != seen
