"""The short table at the end of the demo, from report.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from airflow_provider_claude.store import RunFolder

_WIDTH = 72


def closing_table(report: Mapping[str, Any], run: RunFolder, seconds: float) -> str:
    """How the night ended: the ledger, the answers, the money, and where everything is."""
    lines = [
        "",
        "─" * _WIDTH,
        *_ledger(report["ledger"]),
        "",
        *_answers(report["answers"]),
        "",
        *_money(report["costs"]),
    ]
    lines += [
        "",
        _row("answers", report["published"] or "not published"),
        _row("report", str(run.file("report.html"))),
        _row("run folder", str(run)),
        _row("time", f"{seconds:.0f} s"),
        "─" * _WIDTH,
    ]
    return "\n".join(lines)


def _row(name: str, value: str) -> str:
    return f"  {name:<26}{value}"


def _ledger(ledger: Mapping[str, Any]) -> Iterator[str]:
    yield _row("mails in", f"{ledger['inputs']:>10,}")
    yield _row("= answered", f"{ledger['answered']:>10,}   ({ledger['duplicates']:,} duplicates read, paid once)")
    yield _row("+ quarantined", f"{sum(ledger['quarantined'].values()):>10,}   {_words(ledger['quarantined'])}")
    yield _row("+ failed", f"{sum(ledger['failed'].values()):>10,}   {_words(ledger['failed'])}")
    if ledger["lost"]:
        yield _row("+ lost", f"{ledger['lost']:>10,}")


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda pair: -pair[1]))


def _answers(columns: list[Mapping[str, Any]]) -> Iterator[str]:
    for column in columns:
        if column["values"] and column["name"] == "sentiment":
            total = sum(column["values"].values())
            for value, count in sorted(column["values"].items(), key=lambda pair: -pair[1]):
                yield _row(f"{column['name']} {value}", f"{count:>10,}   {'█' * round(30 * count / total)}")


def _money(costs: Mapping[str, Any]) -> Iterator[str]:
    paid, sync = Decimal(costs["actual"]), Decimal(costs["at_sync_rate"])
    yield _row("would have cost", f"{_usd(paid):>10}   on the real API, by batch")
    yield _row("instead of", f"{_usd(sync):>10}   by the synchronous API")


def _usd(amount: Decimal) -> str:
    return f"${amount:,.4f}" if amount < 1 else f"${amount:,.2f}"
