"""The connections of a run: so many are kept open whatever the server does, and the idle ones stand in line."""

import asyncio
from collections.abc import Callable
from typing import Final

from sims.load.http import HttpAnswer, HttpConnection

RECONNECT_MIN_S: Final = 0.02
RECONNECT_MAX_S: Final = 1.0


class TargetUnreachable(ConnectionError):
    """Not one connection could be made at the start."""


class Pool:
    """Keeps ``size`` connections to one address. ``on_idle()`` when a connection came (back); ``on_lost(connection)`` when one fell."""

    def __init__(
        self,
        address: tuple[str, int, bool],
        size: int,
        *,
        on_answer: Callable[[HttpConnection, HttpAnswer], None],
        on_lost: Callable[[HttpConnection], None],
        on_idle: Callable[[], None],
    ) -> None:
        self.idle: list[HttpConnection] = []  # the last one used is used first: the others may time out in peace
        self.open: set[HttpConnection] = set()
        self._host, self._port, self._tls = address
        self._size = size
        self._on_answer = on_answer
        self._told_lost = on_lost
        self._told_idle = on_idle
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open them all; raises ``TargetUnreachable`` when none could be opened."""
        answers = await asyncio.gather(*(self._connect() for _ in range(self._size)), return_exceptions=True)
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        if not self.open and errors:
            raise TargetUnreachable(f"{self._host}:{self._port}: {errors[0]}")
        for _ in errors:
            self._reconnect()

    def close(self) -> None:
        """Cut them all and open no more."""
        self._closed = True
        for task in tuple(self._tasks):
            task.cancel()
        for connection in tuple(self.open):
            connection.abort()

    async def _connect(self) -> None:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: HttpConnection(self._on_answer, self._on_lost), self._host, self._port, ssl=self._tls or None
        )
        self.open.add(connection)
        self.idle.append(connection)

    def _on_lost(self, connection: HttpConnection) -> None:
        self.open.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        self._told_lost(connection)
        if not self._closed:
            self._reconnect()

    def _reconnect(self) -> None:
        task = asyncio.ensure_future(self._connect_again())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect_again(self) -> None:
        pause_s = RECONNECT_MIN_S
        while True:
            try:
                await self._connect()
            except OSError:
                await asyncio.sleep(pause_s)
                pause_s = min(RECONNECT_MAX_S, pause_s * 2)
            else:
                self._told_idle()
                return
