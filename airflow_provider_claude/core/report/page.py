"""The page: one self-contained HTML file, without script and without anything from outside."""

from __future__ import annotations

from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from airflow_provider_claude.core.consistency.option_order import order_sentence
from airflow_provider_claude.core.cost.run_costs import Costs
from airflow_provider_claude.core.legible import excerpt
from airflow_provider_claude.core.report import charts
from airflow_provider_claude.core.report.ledger import rows
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.core.report.tally import ColumnSummary
from airflow_provider_claude.core.report.template import environment_with
from airflow_provider_claude.core.report.timeline import bars, near, slowest
from airflow_provider_claude.core.times import duration, shown_in
from airflow_provider_claude.shipped import shipped

if TYPE_CHECKING:
    from jinja2 import Environment, Template

#: Values of one column that are drawn; the rest share one bar.
_MAX_DRAWN = 10


def render(summary: Summary) -> str:
    """The HTML page of *summary*; the same summary gives the same page."""
    drawn = bars(summary.shards)
    deadline = near(drawn, summary.due)
    decimals = cents(summary.costs.actual)
    return _template().render(
        s=summary,
        usd=partial(money, decimals=decimals),
        each=_each,
        at=partial(moment, zone=summary.zone),
        ledger=summary.ledger,
        rows=rows,
        costs=summary.costs,
        columns=[(column, _column_chart(column)) for column in summary.answers],
        again_chart=_again_chart(summary),
        golden_chart=_golden_chart(summary),
        confidence_chart=_confidence_chart(summary),
        order_sentence=order_sentence,
        cost_chart=_cost_chart(summary.costs, decimals),
        timeline=charts.timeline(drawn, deadline=deadline, zone=summary.zone) if drawn else None,
        deadline_drawn=deadline is not None,
        slowest=slowest(summary.shards),
    )


def _column_chart(column: ColumnSummary) -> Markup | None:
    if not column.values:
        return None
    return charts.value_bars(_drawn(column.values), total=sum(column.values.values()))


def _again_chart(summary: Summary) -> Markup | None:
    again = summary.consistency.again if summary.consistency else None
    if again is None or not again.fields:
        return None
    return charts.share_intervals({one.field: one.agreement for one in again.fields})


def _golden_chart(summary: Summary) -> Markup | None:
    golden = summary.consistency.golden if summary.consistency else None
    if golden is None or not golden.fields:
        return None
    return charts.share_intervals({one.field: one.accuracy for one in golden.fields})


def _confidence_chart(summary: Summary) -> Markup | None:
    found = summary.confidence.calibration if summary.confidence else None
    if found is None:
        return None
    return charts.share_intervals({f"{one.stated:.2f} ({rows(one.rows)})": one.right for one in found.bins})


def _drawn(values: dict[str, int]) -> dict[str, int]:
    """The most frequent *values*, and the sum of the others."""
    if len(values) <= _MAX_DRAWN:
        return values
    pairs = list(values.items())
    rest = pairs[_MAX_DRAWN - 1 :]
    return {**dict(pairs[: _MAX_DRAWN - 1]), f"{len(rest)} others": sum(n for _, n in rest)}


def _cost_chart(costs: Costs, decimals: int) -> Markup | None:
    if not costs.actual:
        return None
    amounts = {"paid": costs.actual, "at the sync rate": costs.at_sync_rate}
    if costs.estimated is not None:
        amounts["planned"] = costs.estimated
    return charts.cost_bars({name: (float(usd), money(usd, decimals)) for name, usd in amounts.items()})


@cache
def _template() -> Template:
    return environment().from_string(shipped(__package__, "page.html.j2").decode())


def environment() -> Environment:
    """What reads the templates of pages."""
    return environment_with({"n": number, "share": share, "duration": duration, "excerpt": excerpt})


def number(value: float) -> str:
    """`12,345`, or up to three significant decimals where it is not whole."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.1f}"


def money(usd: Decimal, decimals: int = 2) -> str:
    return f"${usd:,.{decimals}f}"


def _each(amount: Decimal) -> str:
    return money(amount, max(cents(amount), 4))


def cents(total: Decimal) -> int:
    """The decimals in which the parts of *total* stay distinct: 2 from a dollar on, more for small runs."""
    return 2 if not total or total >= 1 else 2 - total.adjusted()


def share(part: float, whole: float) -> str:
    """*part* of *whole* in per cent; never `0.0%` for something, nor `100.0%` for less than all."""
    if not whole:
        return "–"
    if part and part / whole < 0.001:
        return "< 0.1%"
    if 0.999 < part / whole < 1:
        return "> 99.9%"
    return f"{part / whole:.1%}"


def moment(text: str | None, zone: str = "UTC") -> str:
    """An ISO time to the minute as it is in *zone*, with the zone."""
    return "–" if text is None else shown_in(text, zone)
