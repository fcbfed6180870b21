from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from fastapi.testclient import TestClient
from upath import UPath

from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.core.report.example import Example
from airflow_provider_claude.plugin import urls
from airflow_provider_claude.plugin.web import find
from airflow_provider_claude.plugin.web.app import create_app
from airflow_provider_claude.plugin.web.database import Noted, Task
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.store import ActiveRecord, RunFolder, write_record
from tests.plugin.web.conftest import Gatekeeper
from tests.plugin.web.nights import END, HOSTILE, Airflow, hostile_night, hostile_release, hostile_summary, run_in
from tests.stages.run_folder import Night, Shard, at

NOW = datetime.now(UTC)

PAGE = "/run/nightly?run_id=r1"
PATHS = [
    "/",
    PAGE,
    "/run/nightly/parts?run_id=r1",
    "/run/nightly/report?run_id=r1",
    "/run/nightly/row?run_id=r1&item=mail-0",
    "/run/nightly/task?run_id=r1&task_id=t",
]

#: What the templates write.
TAGS = set(
    re.findall(
        r"\w+",
        "html head meta title link script body nav a main header p span bdi h1 h2 h3 section div dl dt dd svg rect line text "
        "table thead tbody tfoot tr th td ol ul li br i code details summary form input label button aside",
    )
)

#: Every panel of a run that is over.
PANELS = {
    *(
        "failures",
        "retries",
        "progress",
        "timeline",
        "ledger",
        "cost",
        "answers",
        "consistency",
        "warnings",
        "releases",
        "examples",
    ),
    *("shards", "plan", "where"),
}


@pytest.fixture
def night(tmp_path: Path, airflow: Airflow) -> RunFolder:
    """A night that is on: two of three shards are loaded."""
    run = run_in(
        UPath(tmp_path / "work" / "night"), Night(shards=[Shard(answered=5), Shard(answered=5), Shard(answered=5)])
    )
    for name in ("loaded.json", "1.ended.json"):
        Path(run.shard(2).file(name).path).unlink()
    airflow.add(
        "r1", run.path, state="running", tasks=[Task(task_id="s.wait", map_index=2, state="deferred", name="00002")]
    )
    return run


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_route_is_behind_the_login(visitor: TestClient, night: RunFolder) -> None:
    for path in [*PATHS, "/static/page.css", "/static/page.js"]:
        assert visitor.get(path).status_code == 401, path


def test_no_route_was_forgotten_and_none_can_change_anything() -> None:
    routes = {route.path: route.methods for route in create_app().routes}  # type: ignore[attr-defined]
    assert set(routes) == {re.sub(r"\?.*", "", path).replace("nightly", "{dag_id}") for path in PATHS} | {
        "/static/{name}"
    }
    assert all(methods == {"GET"} for methods in routes.values())


def test_a_person_who_is_not_logged_in_is_sent_to_the_login_and_back(visitor: TestClient, night: RunFolder) -> None:
    answer = visitor.get(PAGE, headers={"accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/api/v2/auth/login?next=http%3A%2F%2Ftestserver%2Frun%2Fnightly")


def test_a_user_without_rights_to_the_dag_sees_neither_run_nor_file(
    reader: TestClient, gatekeeper: Gatekeeper, night: RunFolder
) -> None:
    gatekeeper.readable = {"another"}
    for path in PATHS[1:]:
        answer = reader.get(path)
        assert answer.status_code == 403, path
        assert str(night) not in answer.text
    assert "r1" not in reader.get("/").text


def test_both_the_runs_of_the_dag_and_what_its_tasks_return_have_to_be_readable(
    reader: TestClient, gatekeeper: Gatekeeper, night: RunFolder
) -> None:
    assert reader.get(PAGE).status_code == 200
    assert {("GET", "RUN", "nightly"), ("GET", "XCOM", "nightly")} <= set(gatekeeper.asked)


def test_the_page_of_a_run_that_is_on_has_the_verdict_and_is_live(reader: TestClient, night: RunFolder) -> None:
    page = reader.get(PAGE)
    assert "2 of 3 shards loaded." in page.text
    assert "data-live" in page.text
    assert 'id="shard-2"' in page.text
    assert "/dags/nightly/runs/r1/tasks/s.wait/mapped/2" in page.text


def test_the_page_of_a_run_that_is_on_has_excerpts_of_what_was_set_aside(reader: TestClient, night: RunFolder) -> None:
    aside = [
        Example(item_id=text, reason=HOSTILE[number - 1][:99], detail=text, excerpt=text)
        for number, text in enumerate(HOSTILE)
    ]
    write_record(night.file("scan.json"), msgspec.structs.replace(night.need_scan(), examples=aside))
    html = reader.get(PATHS[2]).text
    page = Page(html)
    assert "examples" in {attributes.get("id") for _, attributes in page.elements}
    assert "Set aside before asking" in page.text
    assert "<script>alert(1)</script>" in page.text
    assert {tag for tag, _ in page.elements} <= TAGS
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "\u202e" not in html
    assert "x" * 700 not in html


def test_the_page_of_a_run_that_is_over_shows_its_report(reader: TestClient, airflow: Airflow, tmp_path: Path) -> None:
    run = run_in(UPath(tmp_path / "night"), Night(shards=[Shard(answered=9)], quarantined={"override": 1}))
    report(run, output=None, clock=lambda: at(300))
    airflow.add("r1", run.path)
    page = reader.get(PAGE)
    assert "Nothing was to be published." in page.text
    assert "data-live" not in page.text
    assert "override" in page.text
    assert "r1" in reader.get("/").text


def test_each_link_on_the_page_to_a_part_of_it_has_its_part(reader: TestClient, reported: RunFolder) -> None:
    page = reader.get(PAGE).text
    links = set(re.findall(r'href="#([\w-]+)"', page))
    assert {"shards", "ledger", "answers", "where"} <= links
    assert links <= set(re.findall(r' id="([\w-]+)"', page))


def test_a_run_of_which_people_released_no_row_says_so(reader: TestClient, reported: RunFolder) -> None:
    assert "Let out of quarantine by people</dt><dd>no row</dd>" in reader.get(PAGE).text


def test_the_list_of_runs_has_what_each_has_paid_and_can_be_that_of_one_dag(
    reader: TestClient, gatekeeper: Gatekeeper, airflow: Airflow, tmp_path: Path
) -> None:
    gatekeeper.readable = {"nightly", "weekly"}
    for dag_id in ("nightly", "weekly", "secret"):
        run = run_in(UPath(tmp_path / dag_id / "2026-11-22"), Night(shards=[Shard(answered=9)]), dag_id=dag_id)
        report(run, output=None, clock=lambda: at(300))
        airflow.add("r1", run.path, dag_id=dag_id)
    everything, one, foreign = (reader.get(path).text for path in ("/", "/?dag_id=weekly", "/?dag_id=secret"))
    assert "The newest 2 runs." in everything
    assert everything.count("9 of 9") == 2
    assert "secret" not in everything
    assert (one.count("9 of 9"), "nightly" in one) == (1, False)
    assert "No run of a DAG that you may read" in foreign


def test_the_list_has_what_a_month_has_cost_by_dag_and_by_day(
    reader: TestClient, gatekeeper: Gatekeeper, airflow: Airflow, tmp_path: Path
) -> None:
    gatekeeper.readable = {"nightly", "weekly"}
    for dag_id, day in (("nightly", 1), ("nightly", 2), ("weekly", 2), ("secret", 2)):
        run = run_in(UPath(tmp_path / dag_id / str(day)), Night(shards=[Shard(answered=9)]), f"r{day}", dag_id)
        summary = report(run, output=None, clock=lambda: at(300))
        costs = msgspec.structs.replace(summary.costs, this_run=Decimal("0.009"))
        (run.path / "report.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(summary, costs=costs)))
        airflow.add(f"r{day}", run.path, dag_id=dag_id, at=datetime(2026, 11, day, 6, tzinfo=UTC))
    airflow.add("r3", "", dag_id="nightly", state="failed", at=datetime(2026, 11, 3, tzinfo=UTC))
    text = Page(reader.get("/?month=2026-11").text.replace("</td>", " ")).text
    text = " ".join(text.split())
    assert "Paid in November 2026: $0.0270" in text
    assert "nightly2 18 $0.0180 $0.0090" in text
    assert "weekly1 9 $0.0090 $0.0090" in text
    assert "Together3 27 $0.0270" in text
    assert "1 without a report is not in it" in text
    assert "Monday, 02 November 2026: $0.0180" in text
    assert "secret" not in text
    assert "No run of this month has a report." in reader.get("/?month=2026-10").text
    for month in ("2026-13", "2026-1", "../etc", "0000-01", "2026-11%00"):
        assert reader.get(f"/?month={month}").status_code == 404, month


def test_the_page_of_a_run_has_the_runs_of_its_dag_before_it(
    reader: TestClient, airflow: Airflow, night: RunFolder, tmp_path: Path
) -> None:
    for number in range(20):
        run = run_in(UPath(tmp_path / f"day-{number}"), Night(shards=[Shard(answered=9)]), f"d{number}")
        report(run, output=None, clock=lambda: at(300))
        airflow.add(f"d{number}", run.path)
        airflow.add(f"d{number}", run.path, dag_id="secret")
    page = Page(reader.get(PAGE).text)
    assert "The newest 14 other runs of this DAG" in page.text
    assert page.text.count("9 of 9") == 14
    hrefs = [attributes.get("href") or "" for _, attributes in page.elements]
    assert not any("secret" in href for href in hrefs)
    assert "The newest" not in reader.get(PATHS[2]).text


def test_a_run_that_failed_before_it_had_a_folder_says_so_and_why(reader: TestClient, airflow: Airflow) -> None:
    task = Task(task_id="s.scan", map_index=-1, state="failed", name="", ended=END, error="SourceError: no such file")
    airflow.add("r1", "", state="failed", tasks=[task])
    airflow.folders["nightly", "r1"] = []
    for path in (PAGE, PATHS[2]):
        page = reader.get(path)
        assert page.status_code == 200
        assert "The task s.scan failed before the run had a run folder" in page.text
        assert "SourceError: no such file" in page.text
    assert "SourceError: no such file" in reader.get("/").text


def test_the_page_says_what_failed_first_when_and_why_and_what_is_tried_again(
    reader: TestClient, airflow: Airflow, night: RunFolder
) -> None:
    first = Task(task_id="s.load", map_index=2, state="failed", name="00002", ended=END, error="StoreError: no answer")
    killed = Task(task_id="s.wait", map_index=1, state="failed", name="00001", ended=END)
    again = Task(task_id="s.create", map_index=0, state="up_for_retry", name="00000", ended=END, error="overloaded")
    airflow.add("r1", night.path, state="running", tasks=[first, killed, again])
    page = Page(reader.get(PAGE).text).text
    assert "s.load[00002] at 06:00:00 UTCStoreError: no answer" in page
    assert "s.wait[00001] at 06:00:00 UTCIts log says why." in page
    assert "What failed and is tried again" in page
    assert "overloaded" in page


def test_a_run_whose_folder_a_later_run_uses_is_listed_without_that_one_s_report(
    reader: TestClient, airflow: Airflow, tmp_path: Path
) -> None:
    run = run_in(UPath(tmp_path / "night"), Night(shards=[Shard(answered=9)]))
    airflow.add("r1", run.path)
    run.actives.append(
        ActiveRecord(run=ActiveRun(dag_id="nightly", run_id="r2"), since=at(30), until=at(60), ended=True)
    )
    report(run, output=None, clock=lambda: at(300))
    assert "no report of this run" in reader.get("/").text
    assert "A later run uses this run folder" in reader.get(PAGE).text


def test_no_response_may_be_stored_framed_elsewhere_or_run_what_is_inline(reader: TestClient, night: RunFolder) -> None:
    for path in [*PATHS, "/static/page.js", "/nothing", "/run/nightly"]:
        headers = reader.get(path).headers
        assert headers["cache-control"] == "no-store", path
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "script-src 'unsafe" not in policy


def test_the_report_is_served_as_it_was_written_and_runs_nothing(reader: TestClient, night: RunFolder) -> None:
    assert reader.get("/run/nightly/report?run_id=r1").status_code == 404
    (night.path / "report.html").write_bytes(b"<p>report</p>")
    answer = reader.get("/run/nightly/report?run_id=r1")
    assert answer.content == b"<p>report</p>"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/run/nightly?run_id=another",
        "/run/nightly?run_id=..%2F..%2Fetc",
        "/run/nightly?run_id=/etc/passwd",
        "/run/nightly?run_id=r1&of=/etc",
        "/run/nightly?run_id=r1&of=..",
        "/run/nightly",
        "/run/nightly?run_id=" + "r" * 300,
        "/run/../nightly?run_id=r1",
        "/run/nightly/../../etc/passwd",
        "/run/nightly%2f..?run_id=r1",
        "/run/nightly/report/report.html?run_id=r1",
        "/static/..%2fapp.py",
        "/static/app.py",
        "/static/page.css/../app.py",
    ],
)
def test_path_tricks_and_foreign_ids_are_not_found(reader: TestClient, night: RunFolder, path: str) -> None:
    assert reader.get(path).status_code in {403, 404}


def test_a_folder_that_does_not_name_the_run_is_not_shown(
    reader: TestClient, airflow: Airflow, night: RunFolder
) -> None:
    airflow.add("foreign", night.path)
    assert reader.get("/run/nightly?run_id=foreign").status_code == 404
    airflow.add("planted", "/etc")
    assert reader.get("/run/nightly?run_id=planted").status_code == 404
    airflow.add("relative", "../../etc")
    assert "cannot be read" in reader.get("/run/nightly?run_id=relative").text


def test_a_run_without_a_folder_of_this_package_says_so(reader: TestClient, airflow: Airflow, night: RunFolder) -> None:
    airflow.folders["nightly", "r1"] = []
    answer = reader.get(PAGE)
    assert answer.status_code == 404
    assert "no task of this package" in answer.text


def test_a_damaged_record_is_a_sentence_not_a_stack_trace(reader: TestClient, night: RunFolder) -> None:
    (night.path / "plan.json").write_bytes(b"{")
    page = reader.get(PAGE)
    assert page.status_code == 200
    assert "cannot be read" in page.text
    assert "is not a readable PlanRecord" in page.text


def test_a_task_leads_to_its_shard(reader: TestClient, airflow: Airflow, night: RunFolder) -> None:
    airflow.shards["s.wait", 2] = f"{night}/shards/00002"
    airflow.shards["s.load", 1] = f"{night}/probes/packs/shards/00001"
    to = "/run/nightly/task?run_id=r1&task_id={}&map_index={}"
    assert reader.get(to.format("s.wait", 2)).headers["location"] == "/claude/run/nightly?run_id=r1#shard-2"
    for task, index in (("s.load", 1), ("scan", -1)):
        assert reader.get(to.format(task, index)).headers["location"] == "/claude/run/nightly?run_id=r1"


def test_a_run_with_two_folders_shows_either(
    reader: TestClient, airflow: Airflow, night: RunFolder, tmp_path: Path
) -> None:
    screen = run_in(UPath(tmp_path / "screen"), Night(shards=[Shard(answered=1)]))
    airflow.folders["nightly", "r1"].append(Noted(task_id="sentiment.screen.scan", folder=str(screen)))
    assert "2 of 3 shards loaded." in reader.get(PAGE).text
    assert "1 of 1 shard loaded." in reader.get(f"{PAGE}&of=sentiment.screen.scan").text


def test_links_keep_the_path_of_airflow_s_base_url(
    reader: TestClient, night: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://example.com/airflow/team/")
    page = Page(reader.get(PAGE).text)
    for _, attributes in page.elements:
        for name in ("href", "src", "data-parts"):
            value = attributes.get(name)
            assert value is None or value == urls.CONSOLE or value.startswith(("/airflow/team/", "#")), value


@pytest.fixture
def hostile(tmp_path: Path, airflow: Airflow) -> RunFolder:
    run = run_in(UPath(tmp_path / "night"), hostile_night())
    run.releases.append(hostile_release())
    summary = hostile_summary(report(run, output=None, clock=lambda: at(300)))
    (run.path / "report.json").write_bytes(msgspec.json.encode(summary))
    tasks = [
        Task(task_id=HOSTILE[0][:60], map_index=3, state=state, name=HOSTILE[1], error=text)
        for state in ("failed", "up_for_retry")
        for text in HOSTILE
    ]
    airflow.add("r1", run.path, tasks=tasks, at=NOW)
    again = run_in(UPath(tmp_path / HOSTILE[0].replace("/", "")), hostile_night(), HOSTILE[1])
    (again.path / "report.json").write_bytes((run.path / "report.json").read_bytes())
    airflow.add(HOSTILE[1], again.path, at=NOW)
    return run


def test_hostile_rows_make_no_element_and_no_attribute_of_any_panel(reader: TestClient, hostile: RunFolder) -> None:
    for path in PATHS[:3]:
        page = Page(reader.get(path).text)
        panels = {attributes.get("id") for tag, attributes in page.elements if tag == "section"}
        assert path == PATHS[0] or panels == PANELS | ({"nights"} if path == PAGE else set())
        assert {tag for tag, _ in page.elements} <= TAGS
        for tag, attributes in page.elements:
            assert not any(name.startswith("on") or name in {"style", "srcdoc"} for name in attributes), (
                tag,
                attributes,
            )
            assert tag != "script" or attributes == {"src": "/claude/static/page.js", "defer": None}
            href = attributes.get("href") or ""
            assert href == urls.CONSOLE or not href.lower().startswith(("javascript", "data", "http"))


def test_hostile_rows_are_shown_as_they_are_and_stay_short(reader: TestClient, hostile: RunFolder) -> None:
    html = reader.get(PAGE).text
    page = Page(html)
    assert "<script>alert(1)</script>" in page.text
    assert "⟨U+202E⟩" in page.text
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert "{{ 7777 * 7777 }}" in page.text
    assert "60481729" not in page.text
    assert "x" * 700 not in html
    assert len(html) < 200_000


@pytest.fixture
def reported(tmp_path: Path, airflow: Airflow) -> RunFolder:
    run = run_in(UPath(tmp_path / "night"), Night(shards=[Shard(answered=9)]))
    report(run, output=None, clock=lambda: at(300))
    airflow.add("r1", run.path)
    return run


@pytest.mark.parametrize("entity", ["RUN", "XCOM"])
def test_the_list_has_no_run_whose_page_would_be_refused(
    reader: TestClient, gatekeeper: Gatekeeper, reported: RunFolder, entity: str
) -> None:
    assert "9 of 9" in reader.get("/").text
    gatekeeper.withheld = {(entity, "nightly")}
    assert reader.get(PAGE).status_code == 403
    for path in ("/", "/?dag_id=nightly"):
        assert "No run of a DAG that you may read" in reader.get(path).text


def test_what_a_run_of_another_dag_has_left_in_the_folder_is_not_shown(reader: TestClient, reported: RunFolder) -> None:
    foreign = ActiveRun(dag_id="secret", run_id="r2")
    reported.actives.append(ActiveRecord(run=foreign, since=at(30), until=at(60), ended=True))
    for path in PATHS[1:4]:
        assert reader.get(path).status_code == 404, path
    assert "9 of 9" not in reader.get("/").text


@pytest.mark.parametrize("name", ["report.html", "report.json", "plan.json"])
@pytest.mark.parametrize("make", [lambda file, other: file.symlink_to(other), lambda file, _: os.mkfifo(file)])
def test_a_link_is_not_followed_and_a_pipe_not_waited_for(
    reader: TestClient, reported: RunFolder, tmp_path: Path, name: str, make: Callable[[Path, Path], None]
) -> None:
    file, other = Path(str(reported)) / name, tmp_path / "other"
    file.rename(other)
    make(file, other)
    shown = [reader.get(path) for path in ("/", PAGE, "/run/nightly/report?run_id=r1")]
    assert [one.status_code for one in shown] == [200, 200, 404 if name == "report.html" else 200]
    assert name == "report.html" or "and was not read" in shown[1].text


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1E+99999999", "-1E+99999999"])
def test_a_report_whose_costs_are_no_amounts_costs_the_list_no_other_run(
    reader: TestClient, airflow: Airflow, reported: RunFolder, tmp_path: Path, value: str
) -> None:
    run = run_in(UPath(tmp_path / "damaged"), Night(shards=[Shard(answered=7)]), run_id="r2")
    report(run, output=None, clock=lambda: at(300))
    airflow.add("r2", run.path)
    file = run.path / "report.json"
    document = msgspec.json.decode(file.read_bytes())
    document["costs"] |= {"actual": value, "this_run": value}
    file.write_bytes(msgspec.json.encode(document))
    for path in ("/", "/run/nightly?run_id=r2"):
        page = reader.get(path)
        assert page.status_code == 200
        assert len(page.text) < 50_000
    assert "9 of 9" in reader.get("/").text
    assert "7 of 7" not in reader.get("/").text


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("report.json", "created_at", "yesterday"),
        ("plan.json", "deadline", "0001-01-01T00:00:00+23:59"),
        ("scan.json", "finished_at", "NaN"),
        ("shards/00000/loaded.json", "cost_usd", "free"),
        ("shards/00000/loaded.json", "loaded_at", "9999-12-31T23:59:59.999+00:00"),
        ("shards/00000/1.ended.json", "ended_at", ""),
    ],
)
def test_a_record_with_a_value_that_is_none_is_a_sentence_not_a_stack_trace(
    reader: TestClient, reported: RunFolder, name: str, field: str, value: str
) -> None:
    file = reported.path / name
    file.write_bytes(msgspec.json.encode(msgspec.json.decode(file.read_bytes()) | {field: value}))
    page = reader.get(PAGE)
    assert page.status_code == 200
    assert "a record is damaged" in page.text
    assert reader.get("/").status_code == 200


@pytest.mark.parametrize(
    "failure", [OSError("https://user:s3cr3t@host is down"), LookupError("no connection: password=s3cr3t")]
)
def test_the_error_of_a_store_shows_no_secret_and_costs_the_list_no_other_run(
    reader: TestClient, airflow: Airflow, reported: RunFolder, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    airflow.add("r2", "s3://bucket/night")

    def to_path(uri: str) -> UPath:
        if uri.startswith("s3:"):
            raise failure
        return UPath(uri)

    monkeypatch.setattr(find, "to_path", to_path)
    page = reader.get("/run/nightly?run_id=r2")
    assert "cannot be read" in page.text
    assert "s3cr3t" not in page.text
    assert "9 of 9" in reader.get("/").text


@pytest.mark.parametrize("more", ["task_id=t&map_index=2147483648", "task_id=t&map_index=-2", "task_id=%00"])
def test_ids_that_no_database_takes_are_not_found(reader: TestClient, reported: RunFolder, more: str) -> None:
    assert reader.get(f"/run/nightly/task?run_id=r1&{more}").status_code == 404


def test_a_page_that_is_open_is_refused_to_a_user_whose_rights_are_gone(
    reader: TestClient, gatekeeper: Gatekeeper, night: RunFolder
) -> None:
    assert reader.get(PATHS[2]).status_code == 200
    gatekeeper.readable = set()
    assert reader.get(PATHS[2]).status_code == 403
