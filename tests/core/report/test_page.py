"""The page: what it shows, and that nothing in the data can act in it."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from airflow_provider_claude.core.consistency.agreement import Interval
from airflow_provider_claude.core.consistency.asked_again import AskedAgain, Differing, FieldAgreement, asked_again
from airflow_provider_claude.core.consistency.comparable import Comparable
from airflow_provider_claude.core.consistency.golden import Change, Golden, GoldenField
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.cost.run_costs import Costs, Spent
from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.core.report import charts
from airflow_provider_claude.core.report.certification import Certification, Side
from airflow_provider_claude.core.report.example import Example
from airflow_provider_claude.core.report.ledger import Ledger, ShardCount
from airflow_provider_claude.core.report.page import render
from airflow_provider_claude.core.report.summary import Asked, Summary
from airflow_provider_claude.core.report.tally import ColumnSummary, Numbers
from airflow_provider_claude.core.report.timeline import Bar, ShardSpan

HOSTILE = [
    "<script>alert(1)</script>",
    "</svg><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "$\\frac{1}{$ and $x^2$",
    "{{ 7*7 }}{% raw %}",
    "a\u202etxt.exe",
    "nul\x00 and bell\x07",
    '"><a href="javascript:alert(1)">click</a>',
    "&lt;already&gt; &amp;",
    "]]><!-- <?php",
]


def measured(text: str) -> Measured:
    """98 of 100 rows got the same answer twice, and 45 of 50 golden rows the known one, fewer than before."""
    label = FieldAgreement(
        field=text,
        rows=100,
        same=98,
        agreement=Interval(0.98, 0.93, 0.994),
        kappa=Interval(0.96, 0.9, 1.0),
        by_label={text: Interval(0.97, 0.92, 0.99), "b": Interval(1.0, 0.8, 1.0)},
        flips=[(text, "b", 2)],
    )
    number = FieldAgreement(field="n", rows=100, same=97, agreement=Interval(0.97, 0.92, 0.99), mean_absolute=0.034)
    known = GoldenField(
        field=text,
        rows=50,
        right=45,
        accuracy=Interval(0.9, 0.79, 0.957),
        confusion=[(text, text, 45), (text, "b", 5)],
        change=Change(rows=50, better=0, worse=5, p_value=0.06),
    )
    return Measured(
        again=AskedAgain(
            asked=102,
            compared=100,
            fields=[label, number],
            differing=[Differing(item_id=text, field=text, first=text, second="b")],
        ),
        golden=Golden(asked=50, answered=50, fields=[known], baseline=text),
    )


def summary_of(text: str = "plain", **changes) -> Summary:
    example = Example(item_id=text, reason=text, detail=text, excerpt=text)
    shard = ShardCount(shard=0, items=10, duplicates=0, answered=8, failed={text: 2}, loaded=None)
    values = {
        "source": text,
        "format": "csv",
        "partition": text,
        "created_at": "2026-11-22T08:00:00Z",
        "deadline": "2026-11-22T09:00:00Z",
        "problems": [],
        "ledger": Ledger.of(inputs=15, items=10, duplicates=0, quarantined={text: 5}, shards=[shard]),
        "costs": Costs.of(
            batch=Decimal(4), sync=Decimal(1), failed=Decimal(0), estimated=Decimal(5), tokens={"input": 1000}
        ),
        "shards": [
            ShardSpan(
                shard=0,
                rows=10,
                lane=text,
                attempts=1,
                created_at="2026-11-22T01:00:00Z",
                ended_at="2026-11-22T02:00:00Z",
                loaded_at="2026-11-22T02:10:00Z",
            )
        ],
        "answers": [
            ColumnSummary(name=text, type="string", rows=8, nulls=1, values={text: 5, "other": 2}),
            ColumnSummary(name="n", type="int64", rows=8, nulls=0, numbers=Numbers(least=1, greatest=9, mean=2.5)),
            ColumnSummary(name="free", type=text, rows=8, nulls=0),
        ],
        "quarantine_examples": [example],
        "failure_examples": [example],
        "flags": {text: 3},
        "prompt_leaks": {text: 2},
        "unmatched": {text: 1},
        "count_mismatches": [text],
        "reused": 2,
        "asked": Asked(model=text, prompt_hash=text, schema_hash=text, fields={text: text}),
        "explanation": [text],
        "published": text,
        "published_rows": 8,
        "consistency": measured(text),
    }
    return Summary(**values | changes)


def parse(summary: Summary) -> LexborHTMLParser:
    return LexborHTMLParser(render(summary))


def text_of(summary: Summary) -> str:
    return " ".join(parse(summary).body.text(separator=" ").split())


class TestHostileData:
    @pytest.mark.parametrize("text", HOSTILE)
    @pytest.mark.parametrize("problems", [[], [0, 1]])
    def test_it_comes_out_as_the_text_it_is(self, text, problems):
        page = parse(summary_of(text, problems=[text for _ in problems]))
        assert page.css("script, img, a, iframe, object, embed, link, base, form, [onerror], [onload]") == []
        assert len(page.css("style")) == 1
        shown = [cell.text() for cell in page.css("bdi, li")]
        assert shown.count(excerpt(legible(text), 200)) >= 10
        assert "49" not in page.css_first("title").text()

    @pytest.mark.parametrize("text", HOSTILE)
    def test_a_chart_label_is_literal_text_inside_the_chart(self, text):
        page = LexborHTMLParser(f"<body>{charts.value_bars({text: 1, 'b': 2}, total=3)}<p>after</p>")
        labels = [node.text() for node in page.css("svg text")]
        assert excerpt(legible(text), 26) in labels
        assert page.css("script, img, a") == []
        assert page.css_first("body > p").text() == "after"

    @pytest.mark.parametrize("text", HOSTILE)
    def test_of_a_changed_job_it_comes_out_as_text(self, text):
        again = asked_again({text: Comparable()}, {"1": {text: text}}, {"1": {text: "other"}}, asked=1)
        side = Side(model=text, input_tokens=1.5, output_tokens=2.0, usd_per_thousand="0.1")
        change = Certification(
            parts=["prompt"],
            accepted_at=text,
            accepted_by=text,
            asked=1,
            fields=again.fields,
            before=side,
            after=side,
            itself={text: 0.5},
        )
        page = parse(summary_of(change=change, order=Measured(again=again)))
        assert page.css("script, img, a, iframe, [onerror], [onload]") == []
        shown = [cell.text() for cell in page.css("#h-change ~ table bdi, #h-order ~ table bdi")]
        assert shown.count(excerpt(legible(text), 40)) + shown.count(excerpt(legible(text), 80)) >= 4
        assert page.css_first("#h-change").text() == "The job was changed"

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text(max_size=40).filter(str.strip))
    def test_no_text_at_all_becomes_an_element(self, text):
        elements = {node.tag for node in parse(summary_of(text)).root.traverse()}
        assert elements == {node.tag for node in parse(summary_of()).root.traverse()}

    def test_nothing_is_longer_than_200_characters_in_the_examples(self):
        cells = parse(summary_of("word " * 1000)).css(".examples td bdi")
        assert cells
        assert all(len(cell.text()) <= 200 for cell in cells)


class TestPage:
    def test_it_loads_nothing_and_allows_nothing(self):
        page = parse(summary_of())
        policy = page.css_first("meta[http-equiv=Content-Security-Policy]").attributes["content"]
        assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        assert page.css("[src]") == []
        assert all(node.attributes["href"].startswith("#") for node in page.css("[href]"))
        assert "url(http" not in page.html

    def test_ids_are_unique_and_references_meet_them(self):
        page = parse(summary_of())
        ids = [node.attributes["id"] for node in page.css("[id]")]
        assert len(ids) == len(set(ids))
        used = [node.attributes["clip-path"][5:-1] for node in page.css("[clip-path]")]
        used += [node.attributes["href"][1:] for node in page.css("[href]")]
        used += [node.attributes["aria-labelledby"] for node in page.css("[aria-labelledby]")]
        assert used
        assert set(used) <= set(ids)

    def test_the_same_summary_gives_the_same_bytes(self):
        assert render(summary_of()) == render(summary_of())

    def test_the_ledger_adds_up_to_the_inputs_before_ones_eyes(self):
        table = parse(summary_of()).css_first("section table")
        numbers = [int(row.css_first("td").text()) for row in table.css("tr.part")]
        assert sum(numbers) == int(table.css_first("tr.sum td").text()) == 15

    def test_a_gap_has_a_row_of_its_own(self):
        lost = ShardCount(shard=0, items=10, duplicates=0, answered=0, failed={}, loaded=None)
        ledger = Ledger.of(inputs=10, items=10, duplicates=0, quarantined={}, shards=[lost])
        assert "Not accounted for 10 100.0%" in text_of(summary_of(ledger=ledger, problems=ledger.problems()))

    def test_green_and_red_are_said_in_words_and_one_sentence(self):
        green, red = parse(summary_of()), parse(summary_of(problems=["It broke.", "And here."], published=None))
        assert green.css_first(".pill").text() == "Complete"
        assert red.css_first(".pill").text() == "Needs a look"
        assert red.css_first("h1").text() == "It broke."
        assert [li.text() for li in red.css(".problems li")] == ["And here."]
        assert "not published" in red.css_first("header").text()

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({}, "Deadline Met"),
            ({"deadline": "2026-11-22T02:00:00Z"}, "Deadline Missed"),
            ({"deadline": None}, "Deadline None"),
            ({"shards": []}, "Deadline Nothing due"),
        ],
    )
    def test_the_deadline_is_judged_by_the_last_load(self, changes, said):
        assert said in text_of(summary_of(**changes))

    def test_savings_stand_against_the_sync_rate(self):
        text = text_of(summary_of())
        assert "The same at the sync rate $9.00" in text
        assert "Saved $4.00 (44.4%)" in text

    def test_many_values_share_a_last_bar(self):
        column = ColumnSummary(
            name="x", type="string", rows=210, nulls=0, values={f"v{i}": i for i in range(20, 0, -1)}
        )
        labels = [node.text() for node in parse(summary_of(answers=[column])).css(".columns svg text")]
        assert "11 others" in labels
        assert "v1" not in labels

    def test_every_table_has_headers_and_every_chart_a_description(self):
        page = parse(summary_of())
        assert all(table.css("th[scope]") for table in page.css("table"))
        assert all(svg.parent.attributes.get("aria-label") for svg in page.css("svg"))

    def test_the_summary_survives_a_round_trip_through_json(self):
        summary = summary_of(HOSTILE[0])
        data = msgspec.json.encode(summary)
        assert msgspec.json.decode(data, type=Summary) == summary
        assert json.loads(data)["costs"]["actual"] == "5"


class TestCharts:
    @pytest.mark.parametrize("seconds", [0, 5, 90, 3600, 8 * 3600, 26 * 3600, 40 * 86400])
    def test_a_night_of_any_length_has_a_few_round_times(self, seconds):
        start = 1_795_305_612.0
        svg = charts.timeline(
            [Bar(label="0", start=start, ended=start + seconds / 2, loaded=start + seconds)], deadline=None
        )
        times = [node.text() for node in LexborHTMLParser(svg).css("svg text") if ":" in node.text()]
        assert 1 <= len(times) <= 9

    def test_text_takes_its_colour_and_font_from_the_page(self):
        page = LexborHTMLParser(charts.value_bars({"a": 1}, total=1))
        assert all(not {"fill", "font", "style"} & set(node.attributes) for node in page.css("text"))
        assert page.css("style, metadata, [style]") == []

    def test_bars_are_as_long_as_their_values_and_stand_inside_the_chart(self):
        page = LexborHTMLParser(charts.value_bars({"a" * 40: 3, "b": 1, "c": 0}, total=4))
        boxes = [
            {name: float(rect.attributes[name]) for name in ("x", "y", "width", "height")} for rect in page.css("rect")
        ]
        _, _, width, height = map(float, page.css_first("svg").attributes["viewBox"].split())
        longest, other, none = (box["width"] for box in boxes)
        assert longest == pytest.approx(3 * other, abs=0.02)
        assert none == 0
        assert all(box["x"] > 0 and box["x"] + box["width"] < width for box in boxes)
        assert all(box["y"] > 0 and box["y"] + box["height"] < height for box in boxes)

    def test_waiting_and_loading_of_a_shard_follow_each_other_and_the_deadline_stands_at_its_time(self):
        start = 1_795_305_600.0
        bar = Bar(label="0", start=start, ended=start + 3_000, loaded=start + 3_600)
        page = LexborHTMLParser(charts.timeline([bar], deadline=start + 3_600))
        waiting, loading = (
            {name: float(rect.attributes[name]) for name in ("x", "width")} for rect in page.css("rect")
        )
        assert waiting["x"] + waiting["width"] == pytest.approx(loading["x"], abs=0.02)
        assert waiting["width"] == pytest.approx(5 * loading["width"], abs=0.1)
        due = page.css_first("line[stroke-dasharray]").attributes["x1"]
        assert float(due) == pytest.approx(loading["x"] + loading["width"], abs=0.02)


def test_all_times_of_the_page_are_in_the_zone_of_the_dag_and_labelled() -> None:
    page = parse(summary_of(zone="Asia/Kolkata"))
    text = page.text()
    times = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d ([A-Z]+)", text)
    assert times
    assert set(times) == {"IST"}
    assert "times in Asia/Kolkata" in text
    ticks = [node.text() for node in page.css("svg text") if ":" in node.text()]
    assert ticks[0].startswith("06:30")  # 01:00 UTC, where the first shard was sent


def test_what_was_found_beside_the_source_is_on_the_page_and_colours_nothing() -> None:
    page = render(summary_of(notes=["1 file is there: '<b>.txt'."]))
    assert "1 file is there: &#39;&lt;b&gt;.txt&#39;." in page
    assert '<body class="green">' in page


def test_a_page_with_losses_is_not_green_and_says_what_its_examples_are() -> None:
    ledger = Ledger.of(inputs=0, items=0, duplicates=0, quarantined={}, shards=[], uncounted=1)
    page = render(summary_of(ledger=ledger))
    assert '<body class="amber">' in page
    assert "0 quarantined rows and of the damaged places of the source" in page


def test_the_page_tells_what_earlier_runs_of_the_day_paid_and_what_may_have_been_paid():
    spent = Spent(replaced=Decimal(2), this_run=Decimal(3), unsure=Decimal("0.75"), unsure_requests=12)
    costs = Costs.of(batch=Decimal(4), sync=Decimal(1), failed=Decimal(0), estimated=None, tokens={}, spent=spent)
    page = render(summary_of(costs=costs))
    assert "Paid this day so far" in page
    assert "of this by this run" in page
    assert "Asked by earlier runs of the day, not in this table" in page
    assert "Up to $0.75 more may have been paid: the answers of 12 requests never came." in page


def test_the_page_tells_what_was_paid_for_missing_answers_as_an_estimate():
    spent = Spent(this_run=Decimal(5), missing=Decimal("0.75"), missing_requests=12)
    costs = Costs.of(batch=Decimal(4), sync=Decimal(1), failed=Decimal(0), estimated=None, tokens={}, spent=spent)
    page = render(summary_of(costs=costs))
    assert costs.actual == Decimal("5.75")
    assert (
        "About $0.75 of what was paid is an estimate: batches count 12 answers that their results do not hold." in page
    )
    assert "Paid and missing (estimate)" in page
    assert costs.sentence().endswith("was paid for 12 answers that their batches count and their results do not hold.")


def test_the_page_of_a_run_that_lost_nothing_has_one_sum():
    page = render(summary_of())
    assert "this day so far" not in page
    assert "may have been paid" not in page


def test_the_page_tells_how_consistent_the_run_was_in_a_sentence_and_a_picture():
    shown = text_of(summary_of())
    assert "How consistent this run was Of 100 rows that were asked a second time, 98.0% got the same plain" in shown
    assert "2 more have no second answer, or no first" in shown
    assert "plain 98.0% 93.0% to 99.4% 0.960 (0.900 to 1.000) plain → b (2)" in shown
    assert "plain by the first answer: plain 97.0% (92.0% to 99.0%), b 100.0% (80.0% to 100.0%)" in shown
    assert "n 97.0% 92.0% to 99.0% – 0.034 apart on average" in shown
    assert "undecided: 0 better, 5 worse (p = 0.06)" in shown
    drawings = parse(summary_of()).css("section[aria-labelledby=h-again] svg")
    assert len(drawings) == 2


def test_the_page_says_why_a_run_was_not_measured_and_nothing_where_nothing_was_wanted():
    shown = text_of(summary_of(consistency=Measured(why_not="the budget may not cover it beside the run")))
    assert "No row was asked a second time: the budget may not cover it beside the run." in shown
    assert "How consistent" not in text_of(summary_of(consistency=None))
