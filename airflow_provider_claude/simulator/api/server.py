"""The server around the app: it says where it listens once it does, and it can cut a connection."""

from __future__ import annotations

import socket
import struct
import sys

import msgspec
import uvicorn
from starlette.applications import Starlette

#: Linger on, for no time: the peer gets a reset, not an orderly end.
_RESET = struct.pack("ii", 1, 0)
#: Real seconds an idle connection is kept; short ones would break under clients that pause.
_KEEP_ALIVE = 75


class Server(uvicorn.Server):
    """A uvicorn server that announces itself as one JSON line on stdout."""

    def __init__(self, app: Starlette, listener: socket.socket, *, log_level: str) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level=log_level,
                access_log=False,
                timeout_graceful_shutdown=2,
                timeout_keep_alive=_KEEP_ALIVE,
                lifespan="on",
            )
        )
        self.listener = listener
        self._state = app.state
        app.state.cut = self._cut

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            line = {"base_url": base_url(self.listener)}
            sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; messages that still wait for their answer are cut."""
        self._state.world.room.close()
        await super().shutdown(sockets)

    def _cut(self, client: tuple[str, int]) -> None:
        for connection in list(self.server_state.connections):
            if getattr(connection, "client", None) == tuple(client):
                transport = connection.transport
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                transport.abort()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    listener.setblocking(False)  # noqa: FBT003
    return listener


def base_url(listener: socket.socket) -> str:
    """The address as a URL without a slash at its end."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
