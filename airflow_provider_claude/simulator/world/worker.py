"""The worker process: one JSON job a line on stdin, one JSON answer a line on stdout, until stdin ends.

Reading 256 MB and answering 100,000 requests take seconds of CPU; here they cannot hold up the server's event loop.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec
from msgspec import Struct

from airflow_provider_claude.simulator.model.batch_frame import IntakeError, check_body
from airflow_provider_claude.simulator.model.chance import digest
from airflow_provider_claude.simulator.world.end_batch import SettleJob, map_file, settle
from airflow_provider_claude.simulator.world.ledger import billed_twice


class Take(Struct, tag="take"):
    """Check a create body on disk."""

    path: str


class Taken(Struct):
    """The verdict on a create body: *refusal* is the text of the 400, "" if it is taken."""

    total: int = 0
    salt: str = ""
    refusal: str = ""


class Settle(Struct, tag="settle"):
    """End a batch."""

    job: SettleJob


class Compare(Struct, tag="compare"):
    """Look for contents billed twice in these (who, path) files."""

    files: list[tuple[str, str]]


Job = Take | Settle | Compare


def take(path: str) -> Taken:
    """Check the body; the salt names its content apart from order of arrival: first id, count and size."""
    body = map_file(path)
    try:
        entries = check_body(body)
    except IntakeError as refusal:
        return Taken(refusal=str(refusal))
    return Taken(total=len(entries), salt=f"{digest(str(entries[0].custom_id), len(entries), len(body)):016x}")


def run(job: Job) -> Any:
    """Do one job."""
    match job:
        case Take(path):
            return take(path)
        case Settle(work):
            return settle(work)
        case Compare(files):
            return billed_twice(files)


def main() -> None:
    """Serve jobs until stdin ends."""
    decode = msgspec.json.Decoder(Job).decode
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(run(decode(line))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
