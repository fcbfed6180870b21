"""The routes of the page. Each asks who the user is, and each that names a run whether the user may read its DAG's runs.

A mounted app is not protected by Airflow, so the dependencies stand on every route; all of them only read. A run is found by
its ids: in Airflow's database first, then by the folder that its tasks have noted there, whose own records have to name it.
No part of a URL becomes a path.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_provider_claude.plugin import urls
from airflow_provider_claude.plugin.web import render
from airflow_provider_claude.plugin.web.find import (
    Found,
    NotThereError,
    find_run,
    list_runs,
    nights_before,
    read_report,
    shard_page,
    told,
    unreadable,
)
from airflow_provider_claude.plugin.web.find_rows import trace_rows
from airflow_provider_claude.plugin.web.months import Month
from airflow_provider_claude.shipped import shipped

#: Nothing but what this app serves, and nothing inline; shown only in a frame of Airflow itself.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)

#: The report is one file with its own style, and runs nothing at all.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"

_STATIC = {"page.css": "text/css", "page.js": "text/javascript"}

#: Who may see a run: who may read the DAG's runs, and what its tasks have returned.
_ENTITIES = (DagAccessEntity.RUN, DagAccessEntity.XCOM)
MAY_READ = [Depends(requires_access_dag("GET", entity)) for entity in _ENTITIES]

#: What databases take as an id.
Id = Annotated[str, Query(max_length=250, pattern=r"^[^\x00]*$")]
ItemName = Annotated[str, Query(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]
MonthText = Annotated[str, Query(pattern=r"^(20\d\d-(0[1-9]|1[0-2]))?$")]
MapIndex = Annotated[int, Query(ge=-1, lt=2**31)]


def create_app() -> FastAPI:
    """The app, to be mounted at `urls.PREFIX`."""
    app = FastAPI(title="Claude", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Headers)
    app.add_exception_handler(AnyHTTPException, _say)
    app.add_exception_handler(RequestValidationError, _not_there)
    app.get("/", response_class=HTMLResponse)(index)
    app.get("/run/{dag_id}", response_class=HTMLResponse, dependencies=MAY_READ)(run)
    app.get("/run/{dag_id}/parts", response_class=HTMLResponse, dependencies=MAY_READ)(parts)
    app.get("/run/{dag_id}/report", response_class=HTMLResponse, dependencies=MAY_READ)(report)
    app.get("/run/{dag_id}/row", response_class=HTMLResponse, dependencies=MAY_READ)(row)
    app.get("/run/{dag_id}/task", dependencies=MAY_READ)(task)
    app.get("/static/{name}", dependencies=[Depends(get_user)])(static)
    return app


def index(request: Request, user: GetUserDep, dag_id: Id = "", month: MonthText = "") -> Response:
    """The newest runs of the DAGs that *user* may read, or of *dag_id*: those whose pages would be shown; and what the runs of
    *month* (`2026-11`) have paid, by default of this one.
    """
    wanted = Month.of(month) if month else Month.at(time.time())
    runs = list_runs(user, partial(_may_read, request, user), wanted, dag_id)
    return HTMLResponse(render.entry_page(runs, wanted, dag_id=dag_id, chosen=bool(month)))


def _may_read(request: Request, user: GetUserDep, dag_id: str) -> bool:
    """Whether MAY_READ lets *user* see the runs of *dag_id*."""
    try:
        for entity in _ENTITIES:
            requires_access_dag("GET", entity, dag_id)(request, user)
    except AnyHTTPException:
        return False
    return True


def run(dag_id: str, run_id: Id, of: Id = "") -> Response:
    """The page of a run. *of*: the task that has noted the run folder, where the run has several."""
    found = _found(dag_id, run_id, of)
    return _shown(partial(render.run_page, nights=nights_before(found.run)), found)


def parts(dag_id: str, run_id: Id, of: Id = "") -> Response:
    """What of the page changes while the run is on."""
    return _shown(render.run_parts, _found(dag_id, run_id, of))


def report(dag_id: str, run_id: Id, of: Id = "") -> Response:
    """The report as it was written."""
    try:
        page = read_report(dag_id, run_id, of)
    except NotThereError as error:
        raise HTTPException(404, str(error)) from None
    return HTMLResponse(page, headers={"Content-Security-Policy": REPORT_POLICY})


def row(dag_id: str, run_id: Id, item: ItemName, of: Id = "") -> Response:
    """Where a row of a run comes from, and what was done with it. *item*: its id, or its place in the source."""
    try:
        traced = trace_rows(dag_id, run_id, of, item)
    except NotThereError as error:
        raise HTTPException(404, str(error)) from None
    try:
        return HTMLResponse(render.row_page(traced), status_code=200 if traced.rows else 404)
    except (ValueError, ArithmeticError) as error:
        return HTMLResponse(render.row_page(replace(traced, rows=(), problem=told(error))), status_code=404)


def task(dag_id: str, run_id: Id, task_id: Id, map_index: MapIndex = -1) -> Response:
    """To the page of a run, at the shard of a task instance."""
    return RedirectResponse(shard_page(dag_id, run_id, task_id, map_index), status_code=303)


def static(name: str) -> Response:
    """The style and the script of the pages."""
    if name not in _STATIC:
        raise HTTPException(404, "There is no such file.")
    return Response(shipped(__package__, name), media_type=_STATIC[name])


def _found(dag_id: str, run_id: str, of: str) -> Found:
    try:
        return find_run(dag_id, run_id, of, now=time.time())
    except NotThereError as error:
        raise HTTPException(404, str(error)) from None


def _shown(draw: Callable[[Found], str], found: Found) -> Response:
    """*found* as a page; without what is in its folder where a record there cannot be shown, such as a time that is none."""
    try:
        return HTMLResponse(draw(found))
    except (ValueError, ArithmeticError) as error:
        return HTMLResponse(draw(unreadable(found, error)))


def _say(request: Request, error: Exception) -> Response:
    """An error as a page. A person who is not logged in is sent to Airflow's login, and comes back."""
    status = error.status_code if isinstance(error, AnyHTTPException) else 500
    detail = str(error.detail) if isinstance(error, AnyHTTPException) else ""
    if status == 401 and "text/html" in request.headers.get("accept", "") and not request.url.path.endswith("/parts"):
        return RedirectResponse(
            f"{urls.base()}/api/v2/auth/login?next={quote(str(request.url), safe='')}", status_code=303
        )
    return HTMLResponse(render.error_page(status, detail), status_code=status)


def _not_there(_: Request, __: Exception) -> Response:
    """What a request with a part that is missing or cannot be is answered with; nothing of it is repeated."""
    return HTMLResponse(render.error_page(404, "There is no such run."), status_code=404)


class Headers:
    """Puts the headers on every response that keep a browser from storing it, running anything in it, or leaking its address."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in _HEADERS if pair[0] not in there)]
            await send(message)

        await self.app(scope, receive, send_with if scope["type"] == "http" else send)


_HEADERS: list[tuple[bytes, bytes]] = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]
