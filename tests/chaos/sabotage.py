"""A finished night is falsified by hand, and the audit has to notice: an audit that cannot fail proves nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.chaos.bench import Bench
from tests.chaos.check import look
from tests.chaos.courses import BATCHES
from tests.chaos.machine import Machine
from tests.chaos.night import DAY, Place
from tests.chaos.processes import in_child
from tests.chaos.results import Case, Result
from tests.chaos.tries import Tries

Sabotage = Callable[[Machine, Place], None]


def sabotaged(bench: Bench) -> Iterator[Case]:
    yield partial(_all, bench)


def _all(bench: Bench) -> Result:
    """One night, falsified in each way; its files are put back each time. What is billed stays billed."""
    seed = bench.seeds[0]
    place = bench.machine.case(seed, course=BATCHES)
    tries = Tries(bench.machine, place)
    wrong = tries.finish()
    kept = bench.machine.folder / "kept"
    shutil.copytree(place.folder, kept)
    for name, sabotage in _SABOTAGES.items():
        sabotage(bench.machine, place)
        found, _ = look(bench.machine, place, bench.expected())
        if not any(name in one for one in found):
            wrong.append(f"the audit does not say {name!r}, but {found}")
        shutil.rmtree(place.folder)
        shutil.copytree(kept, place.folder)
    shutil.rmtree(kept)
    return Result(kind="sabotage", name=f"{len(_SABOTAGES)} ways, all noticed", seed=seed, tries=1, wrong=wrong)


def _changed(change: Callable[[pa.Table], pa.Table]) -> Sabotage:
    """Change the first part of what is published that holds more than a row."""

    def rewrite(place: Place) -> None:
        for part in sorted((place.output / f"day={DAY}").glob("part-*.parquet")):
            table = pq.ParquetFile(part.path).read(use_threads=False)
            if table.num_rows > 1:
                pq.write_table(change(table), part.path)
                return
        raise AssertionError("nothing is published")

    return lambda _machine, place: in_child(lambda: rewrite(place))


def _mistaken(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("sentiment")
    values = table["sentiment"].to_pylist()
    turned = ["negative" if values[0] != "negative" else "positive", *values[1:]]
    return table.set_column(place, "sentiment", pa.array(turned, table.schema.field(place).type))


def _renamed(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("item_id")
    return table.set_column(place, "item_id", pa.array(["stranger", *table["item_id"].to_pylist()[1:]]))


def _dearer(by: float) -> Sabotage:
    def change(report: dict[str, Any]) -> None:
        report["costs"]["actual"] = str(float(report["costs"]["actual"]) * by)

    return _reported(change)


def _reported(change: Callable[[dict[str, Any]], None]) -> Sabotage:
    def rewrite(_machine: Machine, place: Place) -> None:
        path = Path(place.run.path) / "report.json"
        report = json.loads(path.read_bytes())
        change(report)
        path.write_text(json.dumps(report))

    return rewrite


def _paid_again(machine: Machine, _place: Place) -> None:
    """A batch of the night is sent once more, by hand, under the very same custom ids."""
    machine.send("/v1/messages/batches", {"requests": _asked(machine)})


def _renamed_and_paid_again(machine: Machine, _place: Place) -> None:
    again = [one | {"custom_id": f"another-{number}"} for number, one in enumerate(_asked(machine))]
    machine.send("/v1/messages/batches", {"requests": again})


def _reworded_and_paid_again(machine: Machine, _place: Place) -> None:
    """The same texts, with something else around them."""
    again = [one | {"custom_id": f"another-{number}"} for number, one in enumerate(_asked(machine))]
    for one in again:
        one["params"]["system"] += " Once more."
    machine.send("/v1/messages/batches", {"requests": again})


def _asked_by_message(machine: Machine, _place: Place) -> None:
    """What a batch asked is asked by a synchronous call, too."""
    machine.send("/v1/messages", _asked(machine)[0]["params"])


def _asked(machine: Machine) -> list[dict[str, Any]]:
    folder = next(machine.state.glob("batches/*"))
    asked: list[dict[str, Any]] = json.loads((folder / "requests.json").read_bytes())["requests"]
    return asked


#: By what the audit has to say.
_SABOTAGES: Mapping[str, Sabotage] = {
    "rows are lost": _changed(lambda table: table.slice(1)),
    "rows are there twice": _changed(lambda table: pa.concat_tables([table, table.slice(0, 1)])),
    "rows came from nowhere": _changed(_renamed),
    "rows have another's answer": _changed(_mistaken),
    "rows have an answer that was never given": _changed(_mistaken),
    "the report says: 3 rows": _reported(lambda report: report["problems"].append("3 rows are not there")),
    "the report says that it cost 0.00052": _dearer(0.86),
    "the report says that it cost 0.00091": _dearer(1.5),
    "USD, and": _asked_by_message,
    "was billed 2 times": _reworded_and_paid_again,
    "contents were billed twice": _renamed_and_paid_again,
    "requests were billed twice": _paid_again,
}
