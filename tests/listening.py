"""A small TCP server for one test, which leaves nothing behind."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]


@contextlib.asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """Its port on 127.0.0.1. Each connection gets ``serve``, and is closed behind it.

    At the end every connection has been served or cut, also one that had only just come: ``asyncio.Server`` knows nothing of
    the connections that it has accepted but not yet handed over, and what is collected later fails another test.
    """
    loop = asyncio.get_running_loop()
    served: dict[asyncio.Task[None], socket.socket] = {}

    async def handle(connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            await serve(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def accept() -> None:
        with contextlib.suppress(BlockingIOError):
            connection, _ = listener.accept()
            connection.setblocking(False)
            served[loop.create_task(handle(connection))] = connection

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        loop.add_reader(listener, accept)
        try:
            yield listener.getsockname()[1]
        finally:
            loop.remove_reader(listener)
            for task in served:
                task.cancel()
            endings = await asyncio.gather(*served, return_exceptions=True)
            for connection in served.values():
                connection.close()  # of a task that was cancelled before it began
    errors = [end for end in endings if isinstance(end, Exception) and not isinstance(end, OSError | asyncio.IncompleteReadError)]
    if errors:
        raise errors[0]
