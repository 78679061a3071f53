"""One server of the journal: connections, scripts by digest, and what its errors mean to us."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgpack
import redis.asyncio as redis
from redis import exceptions
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from actors.journal.conduit import Ear, conduit_of
from actors.journal.scripts import load
from router.journal.port import JournalError, JournalFull, JournalUnavailable

log = logging.getLogger(__name__)

# redis-py repeats any command ten times by itself, time-outs included. We repeat at our own level, with the same ids.
NO_RETRY: Final = Retry(NoBackoff(), 0)
ANSWER_TIMEOUT_S: Final = 5.0
CONNECT_TIMEOUT_S: Final = 2.0
SENTINEL_PORT: Final = 26379
CONNECTIONS: Final = 256  # a process; calls above that wait for one

_DOWN: Final = (
    exceptions.ConnectionError,  # BusyLoading, MasterDown and a refused log-in among them
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.ClusterDownError,
    exceptions.TryAgainError,
    exceptions.MasterDownError,
)
_DOWN_WORDS: Final = (
    "MISCONF",
    "LOADING",
    "READONLY",
    "NOREPLICAS",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "BUSY",
    "UNBLOCKED",
    "UNKILLABLE",
)


Observer = Callable[[str, float, str], None]
"""Told of each script call: its name, how many seconds it took, and why it failed ("" when it did not)."""


def meaning(error: BaseException) -> BaseException:
    """What an error of the server means: full, or not able to say. Anything else is a bug of ours and stays what it is."""
    if isinstance(error, exceptions.OutOfMemoryError):
        return JournalFull("the journal's server is at its memory limit")
    if isinstance(error, _DOWN):
        return JournalUnavailable(str(error) or type(error).__name__)
    if isinstance(error, exceptions.ResponseError):
        text = str(error)
        if text.startswith("OOM"):
            return JournalFull("the journal's server is at its memory limit")
        if text.startswith(_DOWN_WORDS):
            return JournalUnavailable(text)
    return error


@contextmanager
def translated() -> Iterator[None]:
    """Errors as what they mean."""
    try:
        yield
    except Exception as error:
        if (meant := meaning(error)) is error:
            raise
        raise meant from error


def pack(value: Any) -> bytes:
    """One blob for a script; cmsgpack knows no ``bin`` type."""
    return msgpack.packb(value, use_bin_type=False)


def open_clients(url: str) -> list[redis.Redis]:
    """A client that connects when first used, and after it those that it asks for the address.

    ``redis://``, ``rediss://``, ``unix://``, or ``sentinel://host:port/service?peer=host:port``. With Sentinel each new connection asks for the primary of the moment; further sentinels are further ``peer``s, and user and
    password in the URL are the primary's.
    """
    settings: dict[str, Any] = {
        "protocol": 2,
        "retry": NO_RETRY,
        "socket_timeout": ANSWER_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "max_connections": CONNECTIONS,
    }
    parts = urlsplit(url)
    if parts.scheme != "sentinel":
        return [redis.Redis.from_url(url, **settings)]
    first = f"{parts.hostname}:{parts.port or SENTINEL_PORT}"
    peers = [peer.rpartition(":") for peer in (first, *parse_qs(parts.query).get("peer", ()))]
    asked = {"socket_timeout": CONNECT_TIMEOUT_S, "socket_connect_timeout": CONNECT_TIMEOUT_S, "retry": NO_RETRY, "protocol": 2}
    places = [(host, int(port)) for host, _, port in peers]
    sentinel: Any = Sentinel(places, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]  # redis-py
    if parts.password:
        settings |= {"username": parts.username or None, "password": parts.password}
    return [sentinel.master_for(parts.path.strip("/"), **settings), *sentinel.sentinels]


class Link:
    """A server, or the primary that Sentinel names. Owns its connections and nothing else."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.local = url.startswith("unix:")
        self.client, *self._sentinels = open_clients(url)
        self._conduit = conduit_of(url, answer_timeout_s=ANSWER_TIMEOUT_S, connect_timeout_s=CONNECT_TIMEOUT_S)
        self._wait_aof = True
        self.observer: Observer | None = None

    async def run(self, name: str, args: Any) -> Any:
        """Call a script; raises ``JournalError``."""
        script = load(name)
        blob = pack(args)
        with self._observed(name), translated():
            try:
                return await self._ask("EVALSHA", script.digest, 0, blob)
            except exceptions.NoScriptError:
                return await self._ask("EVAL", script.source, 0, blob)

    async def run_confirmed(self, name: str, args: Any, replicas: int, timeout_s: float) -> Any:
        """Call a script and wait, on the same connection, until so many replicas have it on disk (or at least in memory)."""
        script = load(name)
        blob = pack(args)
        with self._observed(name), translated():
            result, confirmed = await self._confirmed(("EVALSHA", script.digest, 0, blob), replicas, timeout_s)
            if isinstance(result, exceptions.NoScriptError):
                result, confirmed = await self._confirmed(("EVAL", script.source, 0, blob), replicas, timeout_s)
            for outcome in (result, confirmed):
                if isinstance(outcome, Exception):
                    raise outcome
        here, there = confirmed if isinstance(confirmed, list) else (1, confirmed)
        if here < 1 or there < replicas:
            raise JournalUnavailable(f"{there} of {replicas} replicas confirmed in time")
        return result

    @contextmanager
    def _observed(self, name: str) -> Iterator[None]:
        if self.observer is None:
            yield
            return
        began_s, why = perf_counter(), "interrupted"
        try:
            yield
            why = ""
        except JournalError as error:
            why = "full" if isinstance(error, JournalFull) else "unavailable"
            raise
        finally:
            self.observer(name, perf_counter() - began_s, why)

    async def _confirmed(self, command: tuple[Any, ...], replicas: int, timeout_s: float) -> tuple[Any, Any]:
        timeout_ms = max(1, int(timeout_s * 1000))
        wait: tuple[Any, ...] = ("WAITAOF", 1, replicas, timeout_ms) if self._wait_aof else ("WAIT", replicas, timeout_ms)
        pipe = self.client.pipeline(transaction=False)
        pipe.execute_command(*command)
        pipe.execute_command(*wait)
        result, confirmed = await pipe.execute(raise_on_error=False)
        if self._wait_aof and isinstance(confirmed, exceptions.ResponseError) and "unknown command" in str(confirmed):
            log.warning("journal.waitaof_unknown url=%s", self.shown)
            self._wait_aof = False  # Redis 7.0: replicas confirm that they have it in memory
            return await self._confirmed(command, replicas, timeout_s)
        return result, confirmed

    async def command(self, *words: Any) -> Any:
        """A plain command; raises ``JournalError``."""
        with translated():
            return await self._ask(*words)

    async def commands(self, *commands: tuple[Any, ...]) -> list[Any]:
        """Plain commands in one round trip; raises ``JournalError``."""
        with translated():
            if self._conduit is not None:
                return await self._conduit.calls(commands)
            pipe = self.client.pipeline(transaction=False)
            for words in commands:
                pipe.execute_command(*words)
            return await pipe.execute()

    async def hear(self, *channels: str) -> Ear | None:
        """A connection that hears these; None where redis-py has to listen. Raises its errors."""
        return None if self._conduit is None else await self._conduit.hear(*channels)

    async def _ask(self, *words: Any) -> Any:
        if self._conduit is not None:
            return await self._conduit.call(*words)
        return await self.client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py

    @property
    def shown(self) -> str:
        """The address without what is secret in it."""
        return self.url.rpartition("@")[2] if "@" in self.url else self.url.split("?")[0]

    async def close(self) -> None:
        """Close all connections."""
        if self._conduit is not None:
            self._conduit.close()
        for client in (self.client, *self._sentinels):
            await client.aclose()
