"""What costs more with the square of an input's size is felt at once when the input is hostile: a piece said eight times
as often may cost about eight times as much, not sixty-four.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pyarrow as pa
import pytest

from airflow_provider_claude.core.scan.normalise import normalise
from airflow_provider_claude.sources.html.visible_text import text_of
from airflow_provider_claude.sources.mail.mail_row import mail_row
from airflow_provider_claude.sources.mail.read_mail import read_mail
from airflow_provider_claude.sources.mail.replies import bodies
from airflow_provider_claude.sources.rows.batches import Wanted
from tests.fuzz import gate, material

#: Below so many seconds of CPU an input is not worth an attack, and too short to be measured.
_NOTHING = 0.3

_SIZE = 20_000


def grows_too_fast(run: Callable[[int], object], times: int) -> bool:
    """Whether *run* with eight times *times* costs far more than eight times as much, however often it is tried."""
    large = _cost(run, 8 * times)
    if large < _NOTHING:
        return False
    allowed = 30 * max(min(_cost(run, times) for _ in range(3)), 0.001)
    return large > allowed and _cost(run, 8 * times) > allowed


def costs_alike(run: Callable[[int], object], large: int, small: int) -> bool:
    """Whether *run* with *large* costs no more than a few times what it costs with *small*, however often it is tried."""
    allowed = 6 * max(min(_cost(run, small) for _ in range(3)), 0.05)
    return min(_cost(run, large) for _ in range(3)) < allowed


def _cost(run: Callable[[int], object], times: int) -> float:
    began = time.process_time()
    run(times)
    return time.process_time() - began


@pytest.mark.parametrize("piece", [*material.HTML_PIECES, "<style>.a{", "<p style='color:", "<!-- a ", "<i><p>"])
def test_html_costs_with_its_size(piece: str) -> None:
    assert not grows_too_fast(lambda times: text_of(piece * times), _SIZE // len(piece))


@pytest.mark.parametrize("form", ["<p {}>x", "</p {}>x", "<p a='>' {}>x", "<html {}>x"])
def test_the_attributes_of_a_tag_cost_with_their_number(form: str) -> None:
    def run(times: int) -> None:
        text_of(form.format(" ".join(f"a{n}='>'" for n in range(times))))

    assert not grows_too_fast(run, 10_000)


@pytest.mark.parametrize("tag", ["html", "body"])
def test_the_attributes_of_a_page_that_begins_again_and_again_cost_with_their_number(tag: str) -> None:
    assert not grows_too_fast(lambda times: text_of("".join(f"<{tag} a{n}>" for n in range(times))), 5_000)


@pytest.mark.parametrize("piece", ["<a", "<a b ", "<a b='<a ", "<a b=\"<a c='", "<a =", "</a "])
def test_what_only_looks_like_tags_costs_with_its_size(piece: str) -> None:
    assert not grows_too_fast(lambda times: text_of(piece * times), _SIZE // len(piece))


@pytest.mark.parametrize("piece", ["<div></x>", "<q></u>", "<q><li></q></li>", "<div><table><td></div></table>"])
def test_closing_tags_that_close_nothing_hide_no_depth(piece: str) -> None:
    assert text_of(piece * 20_000).flags == ("html_unparsed",)


@pytest.mark.parametrize("rule", ["[x=b]", "[x*=b]", "#z p"])
def test_each_rule_looks_at_the_beginning_of_a_long_attribute(rule: str) -> None:
    def page(words: int) -> str:
        long = "a " * words
        return f"<style>{','.join([rule] * 3_000)}{{top:0}}</style><div x='{long}' id='{long}'><p>hi</p></div>"

    assert costs_alike(lambda words: text_of(page(words)), 50_000, 50)


@pytest.mark.parametrize("piece", material.CSS_PIECES)
def test_style_sheets_cost_with_their_size(piece: str) -> None:
    assert not grows_too_fast(lambda times: text_of(f"<style>{piece * times}</style><p class=a>x"), _SIZE // len(piece))


@pytest.mark.parametrize("piece", [piece for piece in material.MAIL_PIECES if len(piece) < 100])
def test_mails_cost_with_their_size(piece: bytes) -> None:
    assert not grows_too_fast(lambda times: read_mail(b"From: a@b.c\nTo: " + piece * times), _SIZE // len(piece))


@pytest.mark.parametrize(
    "piece", [*material.REPLY_LINES, *"\u0300\u00ad\u200b\U000e0041\ufe0f\u202e\u1100\u0344", "e\u0301"]
)
def test_texts_cost_with_their_size(piece: str) -> None:
    def run(times: int) -> None:
        cleaned = normalise(pa.array([piece * times, (piece + "\n") * times]))
        bodies(cleaned.texts, replies=True, signatures=True)

    assert not grows_too_fast(run, _SIZE // max(len(piece), 1))


_REPEATED = [
    *gate.CODES,
    *gate.LETTERS,
    *gate.PERSONAL,
    *gate.SHAPES,
    "=?",
    "<<",
    "--",
    "a@",
    "@b.",
    "+1 ",
    "://a:b",
    "x1",
]


@pytest.mark.parametrize("layer", gate.LAYERS)
@pytest.mark.parametrize("piece", _REPEATED)
def test_the_gate_costs_with_the_size_of_a_text(layer: str, piece: str) -> None:
    run = gate.LAYERS[layer]
    assert not grows_too_fast(
        lambda times: run(pa.array([piece * times, (piece + "\n") * times])), _SIZE // 2 // len(piece)
    )


def test_a_long_list_of_addresses_costs_little() -> None:
    assert costs_alike(lambda size: read_mail(b"From: a@b.c\nTo: " + b'"' * size + b"\n\nhi"), 3_900, 100)


@pytest.mark.parametrize(
    ("header", "piece"),
    [
        ("text/plain; format=flowed", b"word word word word \n"),
        ("text/plain; format=flowed", b"> "),
        ("text/plain\nContent-Transfer-Encoding: base64", b"QUJD\nx y\n"),
        ("text/plain\nContent-Transfer-Encoding: quoted-printable", b"=   "),
        ("text/plain; charset=iso-2022-jp", b"\x1b$B\x0e\xff"),
        ("text/enriched", b"<param>"),
        ("text/html", b"\xe9<meta charset"),
        ("multipart/mixed; boundary=b", b"--b\nContent-Type: text/html\n\n<p>a\n"),
        ("multipart/alternative; boundary=b", b"--b\n\nhtml browser\n--b\nContent-Type: text/html\n\n<p>a\n"),
        ("message/rfc822\nContent-Transfer-Encoding: base64", b"Q29udGVudC1UeXBl\n"),
    ],
)
def test_the_text_of_a_mail_costs_with_its_size(header: str, piece: bytes) -> None:
    start = f"From: a@b.c\nMIME-Version: 1.0\nContent-Type: {header}\n\n".encode()
    assert not grows_too_fast(lambda times: read_mail(start + piece * times), 10 * _SIZE // len(piece))


def _nested(depth: int, lines: int) -> bytes:
    parts = [b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)]
    return b"From: a@b.c\nMIME-Version: 1.0\n" + b"".join(parts) + b"\n\n" + b"hi\n" * lines


def test_a_mail_whose_parts_nest_costs_little_more_than_a_flat_one() -> None:
    assert "too_deep" in read_mail(_nested(300, 10)).flags
    assert costs_alike(lambda depth: read_mail(_nested(depth, 30_000)), 300, 1)
    assert "too_deep" not in read_mail(_nested(20, 10)).flags


def test_a_mail_of_countless_parts_is_one_text() -> None:
    mail = read_mail(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 20_000)
    assert "too_deep" in mail.flags


def test_a_mail_of_countless_headers_or_lines_is_set_aside() -> None:
    wanted = Wanted(columns=("body",), id_column=None, batch_rows=10)
    defects = [mail_row(raw, "a.eml", wanted).defect for raw in (b"a:\n" * 200_000 + b"\nhi", b"\n" * 600_000)]
    assert defects == ["unreadable_mail: TooMuchError", "oversize: the mail has more than 500,000 lines."]
