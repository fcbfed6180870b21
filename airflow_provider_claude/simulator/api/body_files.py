"""Bodies go to disk as they come, whatever their size: memory holds one chunk."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_claude.simulator.api.admission import Call, check_size


async def spool(call: Call) -> Path:
    """Write the body of *call* to a file of its own and return its path.

    Raises TooLargeError as soon as the body is longer than the route takes.
    """
    path = call.world.registry.root / "incoming" / f"{call.request_id}.json"
    size = 0
    try:
        with path.open("wb") as file:
            async for chunk in call.request.stream():
                size += len(chunk)
                check_size(call, size)
                file.write(chunk)
    except BaseException:
        path.unlink()
        raise
    return path


async def slurp(call: Call) -> bytes:
    """The body of *call* in memory, for the routes with small bodies.

    Raises TooLargeError.
    """
    chunks = []
    size = 0
    async for chunk in call.request.stream():
        size += len(chunk)
        check_size(call, size)
        chunks.append(chunk)
    return b"".join(chunks)
