"""The sockets that a front listens on: its own, and those that it keeps for fronts that are being started anew."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

import uvicorn

from actors.handover import Desk, ask, offer
from actors.http_line import leave, listen, listen_too, serve, stop_accepting

log = logging.getLogger("trunkline.front")


class _Kept(NamedTuple):
    """One socket, and what takes its connections."""

    listener: socket.socket
    server: asyncio.Server


class Listeners:
    """Owns listening sockets by the name of the front that each belongs to. ``family`` tells the fronts of one system from others."""

    def __init__(self, family: str, name: str) -> None:
        self._family = family
        self._name = name
        self._kept: dict[str, _Kept] = {}
        self._served: uvicorn.Server | None = None
        self._leaving = asyncio.Event()
        self._desk = Desk(family, name, self._keep, self._give)
        self.port = 0

    async def open(self, app: Any, host: str, port: int, others: Sequence[str]) -> uvicorn.Server:
        """Serve on the socket that a front of this name had before, where another one keeps it, or on a new one."""
        listener = await ask(self._family, self._name, others)
        if listener is not None and listener.getsockname()[1] != port:
            listener.close()  # the settings have changed since
            listener = None
        listener = listener or listen(host, port)
        self.port = listener.getsockname()[1]
        self._served = await serve(app, listener)
        self._kept[self._name] = _Kept(listener, self._served.servers[0])
        try:
            self._desk.open()
        except OSError as error:  # a predecessor that has not quite ended; then this front is nobody's heir
            log.warning("front.no_desk name=%s error=%s", self._name, error)
        return self._served

    async def _keep(self, name: str, listener: socket.socket) -> bool:
        if self._leaving.is_set() or self._served is None or name in self._kept:
            return False
        more = await listen_too(self._served, listener)
        if self._leaving.is_set():  # since a moment ago: whoever offers it asks somebody else
            self._served.servers.remove(more)
            await stop_accepting(more)
            return False
        self._kept[name] = _Kept(listener, more)
        log.info("front.keeps name=%s for=%s", self._name, name)
        return True

    async def _give(self, name: str) -> socket.socket | None:
        if name == self._name or self._served is None or (kept := self._kept.pop(name, None)) is None:
            return None
        copy = kept.listener.dup()  # which outlives the one that is closed now; what comes meanwhile waits in the kernel's line
        self._served.servers.remove(kept.server)
        await stop_accepting(kept.server)
        return copy

    async def leave(self, others: Sequence[str], within_s: float) -> None:
        """Give every socket away, then let the connections end."""
        self._leaving.set()
        self._desk.close()
        for name, kept in list(self._kept.items()):
            await offer(self._family, name, kept.listener, others)
        if self._served is not None:
            await leave(self._served, within_s)
