"""A steady stream of keyed requests over raw connections: every request is counted as answered, sent again as HTTP allows, or failed.

Half of the requests take a connection of their own; the others share kept ones. A request may be sent again once, and only if the kept
connection that it went over had answered before and ended without a single octet of answer to it (RFC 9112, 9.3.1; an Idempotency-Key makes
a POST safe to repeat). One that was told to wait (429) is sent
once more after a second. Anything else is a failure: a refused or reset connection, an answer cut short, a status other than 202.
"""

import asyncio
import json
import threading
import time
import urllib.parse
import uuid
from collections import Counter
from typing import NamedTuple

KEPT = 8
ANSWER_S = 60.0
WAIT_S = 1.0  # Retry-After is a second at least


class Said(NamedTuple):
    """An answer."""

    status: int
    body: bytes
    closes: bool


class Kept:
    """One kept connection."""

    def __init__(self, host: str, port: int) -> None:
        self._at = (host, port)
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.used = False
        self.busy = asyncio.Lock()

    async def ask(self, request: bytes) -> Said:
        if self._line is None:
            self._line = await asyncio.open_connection(*self._at)
            self.used = False
        said = await exchange(*self._line, request)
        self.used = True
        if said.closes:
            self.drop()
        return said

    def drop(self) -> None:
        if self._line is not None:
            self._line[1].close()
        self._line = None


class EndedUnanswered(ConnectionError):
    """The connection ended before the first octet of the answer."""


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> Said:
    try:
        writer.write(request)
        await writer.drain()
        first = await asyncio.wait_for(reader.read(1), ANSWER_S)
    except ConnectionError as error:
        raise EndedUnanswered(type(error).__name__) from error
    if not first:
        raise EndedUnanswered("closed")
    head = first + await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), ANSWER_S)
    lines = head.decode().lower().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    body = await asyncio.wait_for(reader.readexactly(int(fields.get("content-length", 0))), ANSWER_S)
    return Said(int(lines[0].split()[1]), body, fields.get("connection") == "close")


class Steady:
    """Sends at a steady rate from a thread of its own until it is stopped."""

    def __init__(self, api: str, key: str, rate: int) -> None:
        self._name = uuid.uuid4().hex
        parts = urllib.parse.urlsplit(api)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._key = key
        self._rate = rate
        self._stop = threading.Event()
        self.ids: dict[str, str] = {}  # by idempotency key
        self.failures: list[str] = []
        self.counts: Counter[str] = Counter()
        self.took_s: list[float] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        kept = [Kept(self._host, self._port) for _ in range(KEPT)]
        under_way: set[asyncio.Task[None]] = set()
        began_s, number = time.monotonic(), 0
        while not self._stop.is_set():
            await asyncio.sleep(max(0.0, began_s + number / self._rate - time.monotonic()))
            line = kept[number // 2 % KEPT] if number % 2 else None
            task = asyncio.create_task(self._one(number, line))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            number += 1
        await asyncio.gather(*under_way)
        for line in kept:
            line.drop()

    def _request(self, number: int) -> bytes:
        body = json.dumps({"to": f"+49151{number:08d}", "from": "Test", "text": f"Nr {number}"}).encode()
        head = (
            f"POST /v1/messages HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {self._key}\r\n"
            f"Idempotency-Key: {self._name}-{number}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        return head.encode() + b"\r\n" + body

    async def _one(self, number: int, line: Kept | None) -> None:
        began_s = time.monotonic()
        try:
            said = await self._once(number, line)
            if said.status == 429:  # for a moment, while a limiter is away: the client does as it is told
                self.counts["told to wait"] += 1
                await asyncio.sleep(WAIT_S)
                said = await self._once(number, line)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            self.failures.append(f"{number} {'new' if line is None else 'kept'}: {error!r}")
            return
        self.took_s.append(time.monotonic() - began_s)
        self.counts[str(said.status)] += 1
        if said.status == 202:
            self.ids[f"{self._name}-{number}"] = json.loads(said.body)["id"]
        else:
            self.failures.append(f"{number}: {said.status} {said.body[:200]!r}")

    async def _once(self, number: int, line: Kept | None) -> Said:
        return await (self._over_a_new_one(number) if line is None else self._over_a_kept_one(number, line))

    async def _over_a_new_one(self, number: int) -> Said:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            return await exchange(reader, writer, self._request(number))
        finally:
            writer.close()

    async def _over_a_kept_one(self, number: int, line: Kept) -> Said:
        async with line.busy:
            try:
                return await line.ask(self._request(number))
            except EndedUnanswered:
                line.drop()
                if not line.used:
                    raise
            self.counts["sent again"] += 1
            return await line.ask(self._request(number))
