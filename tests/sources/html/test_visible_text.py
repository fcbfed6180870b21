from __future__ import annotations

import time

import pytest

from airflow_provider_claude.sources.html.visible_text import text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<p>b<ul><li>c<li>d</ul>e", "a\n\nb\n\nc\n\nd\n\ne"),
        ("one <b>bold</b>\n  word<br>two", "one bold word\ntwo"),
        ("<table><tr><td>1<td>2<tr><td>3</table>", "1 2\n\n3"),
        ("<pre>a\n  b</pre>", "a\n b".replace("\n ", "\n")),
        ("<head><title>t</title></head><script>x()</script><style>p{}</style><!-- c -->seen", "seen"),
        ("a &amp; b&nbsp;c", "a & b c"),
    ],
)
def test_text_reads_as_a_person_would_see_it(html: str, text: str) -> None:
    assert text_of(html)[:2] == (text, ())


@pytest.mark.parametrize(
    "hidden",
    [
        "<span hidden>x</span>",
        '<p style="display : none">x</p>',
        '<p style="VISIBILITY:hidden">x</p>',
        '<p style="font-size:0">x</p>',
        '<p style="font-size: 0.0px !important">x</p>',
        '<p style="font:0/0 a">x</p>',
        '<p style="opacity:0">x</p>',
        '<p style="color:#fff">x</p>',
        '<font color="white">x</font>',
        '<div style="background:#000"><i style="color:black">x</i></div>',
        '<p style="color:transparent">x</p>',
        '<p style="position:absolute; left:-9999px">x</p>',
        '<p style="text-indent:-9999px">x</p>',
        '<div style="max-height:0;overflow:hidden"><b>x</b></div>',
        '<p style="opacity:0.01">x</p>',
        '<p style="opacity: 9%">x</p>',
        '<p style="font-size:1.9px">x</p>',
        '<p style="font-size:0.1em">x</p>',
        '<p style="font-size:14px;font-size:0">x</p>',
        '<p style="margin-left:-9999px">x</p>',
        '<p style="margin: 0 0 0 -999px">x</p>',
        '<p style="left:-9999px;position:relative">x</p>',
        '<p style="text-indent:-99em">x</p>',
        '<p style="clip-path: inset(100%)">x</p>',
        '<p style="transform: rotate(1deg) scale(0)">x</p>',
        '<p style="display:/**/none">x</p>',
        '<p style="d\\69splay:none">x</p>',
        f'<p style="x:{"a" * 1000};display:none">x</p>',
        '<div style="display:none"><p style="display:block">x</p></div>',
    ],
)
def test_hidden_text_is_left_out_and_reported(hidden: str) -> None:
    assert text_of(f"seen {hidden}") == ("seen", ("hidden_text",), "x")


@pytest.mark.parametrize(
    "shown",
    [
        '<div style="font-size:0"><i style="font-size:14px">x</i></div>',
        '<p style="opacity:0.5">x</p>',
        '<p style="font-size:10px">x</p>',
        '<p style="font-size:0.9em">x</p>',
        '<table bgcolor="black"><tr><td><font color="white">x</font></table>',
        '<style>p {background: red}</style><p style="color:white">x</p>',
        '<p style="background:url(a.png);color:white">x</p>',
        '<p style="margin-left:-100px">x</p>',
        '<p style="opacity:1">x</p>',
        '<p style="opacity:100%">x</p>',
        '<p style="opacity:.1">x</p>',
        '<p style="font-size:0;font-size:14px">x</p>',
        '<p style="transform:scale(0.5)">x</p>',
        '<p style="clip-path:inset(5%)">x</p>',
    ],
)
def test_text_that_can_be_seen_stays(shown: str) -> None:
    assert text_of(shown) == ("x", (), "")


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 200_000 + "x",
        "<b>" * 3_000 + "<p>x",
        '<br style="' + "overflow:hidden;" * 50_000 + '">x',
        ('<br style="a' + " " * 980 + '">') * 900 + "x",
        "<p>" + "".join(f"<font a{n}>" for n in range(1900)) + "x" + "</p><p>x" * 4000,
        "</b>" * 20_000 + "<div>" * 20_000 + "x",
        "<pre>" + " " * 500_000 + "x",
        "<" * 500_000 + "p>x",
    ],
    ids=["deep", "formatting", "style", "spaces", "reconstruction", "closers", "blanks", "brackets"],
)
def test_hostile_markup_costs_no_more_than_its_size(html: str) -> None:
    began = time.process_time()
    assert text_of(html)[0].endswith("x")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "html", ["x<p>" * 300_000, "<div>" * 3_000 + "x", "<i>x" * 1_500 + "<br>" * 1_500], ids=["long", "deep", "tangled"]
)
def test_what_is_not_parsed_is_reported(html: str) -> None:
    assert text_of(html)[1] == ("html_unparsed",)


_N = 15_000


@pytest.mark.parametrize(
    "html",
    [
        "<div><!--</div>-->" * _N,
        '<div a="</div>">' * _N,
        "<div><title></div></title>" * _N,
        "<div><?</div>" * _N,
        "<div><!--><style>--></div></style>" * _N,
        "<div>" * _N + "<script><!--<script></script>-->" + "</div>" * _N + "</script>",
        "<p><div></p>" * _N,
        "<span><div></span>" * _N,
        "<li><dd>" * _N,
        "<p><b a=1><!--</b>--></p>" * _N,
    ],
)
def test_a_page_whose_depth_is_hidden_from_a_look_at_its_tags_is_not_parsed(html: str) -> None:
    assert text_of(html).flags == ("html_unparsed",)


def test_a_long_newsletter_with_a_link_in_each_row_is_parsed() -> None:
    row = '<tr><td><a href="https://x.example/1"><b>Order</b> sent</a> <font color="#333">today</font></td></tr>'
    assert text_of(f"<table>{row * 2_000}</table>").flags == ()


def test_a_mail_that_quotes_many_whole_pages_is_parsed() -> None:
    page = '<html xmlns="a" xmlns:v="b" xmlns:o="c"><body lang="EN" link="blue" vlink="purple" style="x">hello</body></html>'
    assert text_of(page * 200).flags == ()
