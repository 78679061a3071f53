"""Wake calls over the server's publish and subscribe."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from redis import exceptions

from actors.journal.conduit import Ear
from actors.journal.link import Link

log = logging.getLogger(__name__)

CHANNEL: Final = "trunkline:"
PAUSE_MIN_S: Final = 0.05
PAUSE_MAX_S: Final = 2.0
LOOK_S: Final = 5.0  # how long a quiet line is believed to be alive before it is asked


class RedisWake:
    """``router.journal.wake.Wake`` on the journal's servers. Owns a connection a listener and server."""

    def __init__(self, links: list[Link]) -> None:
        self._links = links

    @classmethod
    def connect(cls, url: str) -> "RedisWake":
        """Wake calls of the journal at ``url`` (as ``RedisJournal.connect``)."""
        return cls([Link(part.strip()) for part in url.split(",")])

    async def listen(self, *topics: str) -> AsyncGenerator[tuple[str, str], None]:
        """Yield (topic, payload) as they come, for ever; reconnects by itself. A call during a reconnect is lost."""
        if len(self._links) == 1:
            async with aclosing(self._listen_at(self._links[0], topics)) as calls:
                async for call in calls:
                    yield call
            return
        inbox: asyncio.Queue[tuple[str, str]] = asyncio.Queue(maxsize=10_000)
        tasks = [asyncio.create_task(self._forward(link, topics, inbox)) for link in self._links]
        try:
            while True:
                yield await inbox.get()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _forward(self, link: Link, topics: tuple[str, ...], inbox: asyncio.Queue[tuple[str, str]]) -> None:
        async with aclosing(self._listen_at(link, topics)) as calls:
            async for call in calls:
                await inbox.put(call)

    @staticmethod
    async def _listen_at(link: Link, topics: tuple[str, ...]) -> AsyncGenerator[tuple[str, str], None]:
        pause_s = PAUSE_MIN_S
        channels = [CHANNEL + topic for topic in topics]
        while True:
            try:
                ear = await link.hear(*channels)
                async with aclosing(_by_redis_py(link, channels) if ear is None else _by_ear(ear)) as calls:
                    async for call in calls:
                        pause_s = PAUSE_MIN_S  # not before: a server that loads its data takes the call and refuses it then
                        if call is not None:
                            yield call[0].removeprefix(CHANNEL), call[1]
            except (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.ResponseError) as error:
                log.info("journal.wake_lost server=%s error=%s", link.shown, type(error).__name__)
            await asyncio.sleep(pause_s)
            pause_s = min(PAUSE_MAX_S, pause_s * 2)

    async def close(self) -> None:
        """Close all connections."""
        for link in self._links:
            await link.close()


async def _by_ear(ear: Ear) -> AsyncGenerator[tuple[str, str] | None, None]:
    """(channel, payload) as they come, None when it was quiet for a while."""
    try:
        while True:
            for call in await ear.calls(LOOK_S) or (None,):
                yield call
    finally:
        ear.cut(exceptions.ConnectionError("nobody listens any more"))


async def _by_redis_py(link: Link, channels: list[str]) -> AsyncGenerator[tuple[str, str] | None, None]:
    """The same."""
    pubsub = link.client.pubsub(ignore_subscribe_messages=True)
    try:
        await pubsub.subscribe(*channels)
        while True:
            message = await pubsub.get_message(timeout=LOOK_S)
            if message is None:
                await pubsub.ping()
                yield None
            elif message["type"] == "message":
                yield message["channel"].decode(), message["data"].decode()
    finally:
        await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py
