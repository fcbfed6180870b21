"""From configured paths to folders and sources: on which store, and whether this deployment may read them."""

from __future__ import annotations

import re
from typing import cast

from airflow.providers.common.compat.sdk import ObjectStoragePath, conf
from upath import UPath

from airflow_provider_claude.core.sql_uri import is_sql, sql_uri
from airflow_provider_claude.errors import JobError, SourceError, StateError
from airflow_provider_claude.sources.files.allowed import Allowed, Location, check_text
from airflow_provider_claude.store import RunFolder, ShardFolder
from airflow_provider_claude.store.access import GROUP, OWNER, grant
from airflow_provider_claude.store.probe import check_place

#: What brings a store to Airflow, by the scheme of its URIs
#: (https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/objectstorage.html).
_PACKAGES = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "s3a": "apache-airflow-providers-amazon[s3fs]",
    "gs": "apache-airflow-providers-google",
    "gcs": "apache-airflow-providers-google",
    "abfs": "apache-airflow-providers-microsoft-azure",
    "abfss": "apache-airflow-providers-microsoft-azure",
    "adl": "apache-airflow-providers-microsoft-azure",
}


#: How a path or URI begins that means the same location on every worker, and what to write otherwise.
_ABSOLUTE = re.compile(r"/|[A-Za-z][A-Za-z0-9+.-]*:")
_WRITE = "write an absolute path, or a URI such as s3://aws_mail@bucket/mail"


def to_path(uri: str) -> UPath:
    """*uri* on any store Airflow knows; `conn_id@` in it names the connection. It has the whole interface of a UPath.

    Raises JobError where there is no such store here, and for a relative path. (Of one, Airflow 3.1 makes a path below `/`.)
    """
    if is_sql(uri):
        raise JobError(f"{uri!r:.300} is a database, and a folder or a file has to be named here.")
    if not _ABSOLUTE.match(uri):
        raise JobError(f"{uri!r:.300} is a relative path, which is another folder for each worker: {_WRITE}.")
    grant(GROUP if conf.getboolean("claude", "group_access", fallback=False) else OWNER)
    try:
        path = _opened(uri)
        _ = path.fs
    except (ValueError, ImportError) as e:
        raise JobError(f"{uri} is on no store that this Airflow can reach ({e}). {_remedy(uri)}") from e
    return path


def _opened(uri: str) -> UPath:
    """The path *uri*. Of a local one Airflow is not asked: it would import the stores of all providers, such as botocore."""
    return UPath(uri) if uri.startswith("/") else cast("UPath", ObjectStoragePath(uri))


def source_path(uri: str, allowed: Allowed) -> UPath:
    """The source *uri*. Raises SourceError where it is not *allowed*: no store was asked, and no connection looked up."""
    check_text(uri)  # characters that URIs lose, too
    if not _ABSOLUTE.match(uri):
        raise SourceError(f"source is {uri!r:.300}: {_WRITE}.")
    try:
        path = _opened(uri)
    except (ValueError, ImportError):
        return to_path(uri)  # says what is wrong with it
    allowed.check(path)
    return to_path(uri)


def allowed_sources(run_folder: str) -> Allowed:
    """What this deployment lets a scan into *run_folder* read: `[claude] sources`, else what is below `[claude] root`.

    Raises JobError for an entry that names no location.
    """
    listed = filter(None, map(str.strip, re.split(r"[,\n]", conf.get("claude", "sources", fallback="") or "")))
    locations = [_location("sources", one) for one in listed]
    if not locations:
        locations = [_location("root", conf.get("claude", "root", fallback="/opt/airflow/claude"))]
    own = (*_doubts(run_folder), f"{run_folder.rstrip('/')}/rows")  # the rows that a function returned
    return Allowed((*locations, *(Location.of(_opened(one)) for one in own)))


def _location(setting: str, uri: str) -> Location:
    """The location that an entry of *setting* names."""
    said = f"[claude] {setting} has {uri!r:.300}"
    if not _ABSOLUTE.match(uri):
        raise JobError(f"{said}: {_WRITE}.")
    if set(uri) & set("*?"):
        raise JobError(f"{said}: write the folder without wildcards. All that lies below it is allowed.")
    if is_sql(uri):
        return Location.database(sql_uri(uri, f"[claude] {setting}"))
    try:
        return Location.of(_opened(uri))
    except (ValueError, ImportError) as e:
        raise JobError(f"{said}, which is on no store that this Airflow can reach ({e}). {_remedy(uri)}") from e


def _doubts(run_folder: str) -> list[str]:
    """What a screening run reads: the doubts of its parent run, beside its own run folder."""
    above, _, partition = run_folder.rstrip("/").rpartition("/")
    return [f"{above.removesuffix('.screen')}/{partition}/doubts"] if above.endswith(".screen") else []


def _remedy(uri: str) -> str:
    scheme = uri.partition("://")[0]
    if package := _PACKAGES.get(scheme):
        return f"Install {package} on all workers: pip install '{package}'."
    return f"Write an absolute path, or a URI of {', '.join(f'{name}://' for name in ('s3', 'gs', 'abfs', 'file'))}."


def unsafe_store_allowed() -> bool:
    """Whether `[claude] allow_unsafe_store` accepts a work folder on a store that does not obey conditional writes."""
    return bool(conf.getboolean("claude", "allow_unsafe_store", fallback=False))


def run_folder(path: str | None) -> RunFolder:
    if not path:
        raise StateError("There is no run folder: the scan of this run has not succeeded.")
    folder = to_path(path)
    check_place(folder, "run_folder (work)")
    return RunFolder(folder)


def work_folder(work: str | None, run: RunFolder) -> UPath:
    """The folder whose runs share their answers: *work*, else the one that holds *run*."""
    return to_path(work) if work else run.path.parent


def shard_folder(path: str) -> ShardFolder:
    return ShardFolder(to_path(path))
