"""Following by polling: pages of ``GET /v1/messages`` while much is pending, single messages for the last few."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from router.ids import InvalidId, created_ms, from_text
from sims.load.answers import read_body
from sims.load.follow import Tracker
from sims.load.http import HttpAnswer, HttpConnection, request_head
from sims.load.options import LoadOptions, split_url

PAGE: Final = 500
FEW: Final = 200  # up to so many pending messages are asked for one by one
PAUSE_S: Final = 0.5  # between two sweeps; also the resolution of a polled end-to-end latency
ANSWER_S: Final = 10.0


class Poller:
    """One connection of its own, apart from the load's, and one request at a time on it."""

    def __init__(self, options: LoadOptions, tracker: Tracker, now_s: Callable[[], float]) -> None:
        parts = split_url(options.url)
        self._host, self._port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = parts.scheme == "https"
        self._authority, self._root = parts.netloc, parts.path.rstrip("/")
        self._key = options.key
        self._tracker = tracker
        self._now_s = now_s  # the run's clock
        self._connection: HttpConnection | None = None
        self._waiter: asyncio.Future[HttpAnswer | None] | None = None

    async def run(self) -> None:
        """Sweep until cancelled."""
        try:
            while True:
                await asyncio.sleep(PAUSE_S)
                await self._sweep()
        finally:
            if self._connection is not None:
                self._connection.abort()

    async def _sweep(self) -> None:
        few = self._tracker.pending(FEW + 1)
        if not few:
            return
        if len(few) <= FEW:
            for message_id in few:
                self._note(await self._get(f"/v1/messages/{message_id}"))
            return
        since_ms = _created_ms(few[0])
        since = f"&created_after={quote(_rfc3339(since_ms))}" if since_ms else ""
        cursor = ""
        while True:
            page = await self._get(f"/v1/messages?limit={PAGE}{since}{cursor}")
            if not isinstance(page, dict) or not isinstance(page.get("data"), list):
                return  # the server is away or refuses: the next sweep asks again
            for message in page["data"]:
                self._note(message)
            meta = page.get("meta")
            following = meta.get("next_cursor") if isinstance(meta, dict) and meta.get("has_more") else None
            if not following:
                return
            cursor = f"&after={quote(str(following))}"

    def _note(self, message: object) -> None:
        if isinstance(message, dict) and "id" in message:
            self._tracker.seen(str(message["id"]), str(message.get("status", "")), self._now_s())

    async def _get(self, path: str) -> object:
        loop = asyncio.get_running_loop()
        try:
            if self._connection is None or not self._connection.open:
                _, self._connection = await loop.create_connection(
                    lambda: HttpConnection(self._answered, self._lost), self._host, self._port, ssl=self._tls or None
                )
            self._waiter = loop.create_future()
            self._connection.write(request_head("GET", self._root + path, self._authority, self._key) + b"\r\n")
            async with asyncio.timeout(ANSWER_S):
                answer = await self._waiter
        except OSError:  # a TimeoutError is one too
            if self._connection is not None:
                self._connection.abort()
                self._connection = None
            return None
        if answer is None or answer.status != 200:
            return None
        return read_body(answer.content_type, answer.body)

    def _answered(self, _connection: HttpConnection, answer: HttpAnswer) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(answer)

    def _lost(self, _connection: HttpConnection) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _created_ms(message_id: str) -> int:
    try:
        return created_ms(from_text(message_id))
    except InvalidId:
        return 0


def _rfc3339(ms: int) -> str:
    # one second earlier: `created_after` may or may not include its own instant
    return datetime.fromtimestamp(ms / 1e3 - 1, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
