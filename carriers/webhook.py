"""Webhooks over HTTP: posts events to addresses that tenants name, so many at once to each and so many to all, and tells what came back.

Where they may lead is ``carriers.webhook_guard``'s word, how they are written ``carriers.webhook_line``'s.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Final, NamedTuple, Self, assert_never

from yarl import URL

from carriers.webhook_guard import Lookup, Refused, Resolver, reason_of
from carriers.webhook_line import ANSWER_LIMIT, Cut, End, Head, Unreadable, WebhookLine
from carriers.webhook_lines import Lines, Origin
from router.addresses import AllowList, check_url
from router.webhooks import WebhookAnswer, retry_after_s

__all__ = ["ANSWER_LIMIT", "WebhookSender"]

log = logging.getLogger("trunkline.webhooks")

TOTAL_LIMIT: Final = 1_024  # deliveries under way at once, all endpoints together: as many sockets
NAMES_KEPT_S: Final = 10  # how long an answer of the resolver is used again for new connections
TARGETS_KEPT: Final = 4_096  # URLs whose check is remembered
USER_AGENT: Final = "Trunkline-Webhooks/1"
TRIES: Final = (
    2  # connections that may end before an answer comes: the first is most often a kept one that the peer closed as we wrote
)
CLOSED: Final = WebhookAnswer(0, None, "the sender was closed")
Told = Callable[[WebhookAnswer], None]


class _Endpoint(NamedTuple):
    """A URL that may be used, as far as it can be told before it is resolved."""

    origin: Origin
    head: bytes  # of a request, up to where the delivery's own headers go


class _Delivery:
    """A request and who waits for its answer."""

    __slots__ = ("connecting", "deadline_s", "lane", "line", "octets", "together", "told", "tries")

    def __init__(self, lane: "_Lane", octets: bytes, together: int, told: Told) -> None:
        self.lane = lane
        self.octets = octets
        self.together = together
        self.told = told
        self.tries = 0
        self.deadline_s = 0.0  # 0: it waits for a place
        self.line: WebhookLine | None = None
        self.connecting: asyncio.Task[None] | None = None


class _Lane:
    """One endpoint's places, kept while somebody uses them."""

    __slots__ = ("busy", "filling", "origin", "waiting")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.busy = 0
        self.filling: WebhookLine | None = None  # the last one that was given a request which may go out with others
        self.waiting: deque[_Delivery] = deque()


class WebhookSender:
    """Delivers events; one for each courier, used from one event loop. Create it anew when the allow list changes.

    ``concurrency`` bounds the deliveries under way to one endpoint (scheme, host and port), ``total`` those to all. Who waits for a
    place does so before its time-out starts. ``lookup`` and ``tls`` are for tests and private authorities.
    """

    def __init__(
        self,
        *,
        allow_hosts: Iterable[str] = (),
        timeout_s: float = 15.0,
        concurrency: int = 64,
        total: int = TOTAL_LIMIT,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow = AllowList(allow_hosts)
        self._timeout_s = timeout_s
        self._concurrency = concurrency
        self._free = total
        self._resolver = Resolver(lookup, self._allow, lambda: NAMES_KEPT_S)
        self._lanes: dict[Origin, _Lane] = {}
        self._short: deque[_Lane] = deque()  # with a place of their own for who waits in them, but none of the total
        self._under_way: dict[_Delivery, None] = {}  # in the order of their deadlines
        self._lines = Lines(self._allow, tls)
        self._late: asyncio.TimerHandle | None = None
        self._closed = False
        self._endpoint = lru_cache(TARGETS_KEPT)(self._checked)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Deliveries under way end with an error."""
        if self._late is not None:
            self._late.cancel()
            self._late = None
        self._closed = True
        for lane in self._lanes.values():
            waiting = list(lane.waiting)
            lane.waiting.clear()
            for delivery in waiting:
                self._tell(delivery, CLOSED)
        tasks = [delivery.connecting for delivery in self._under_way if delivery.connecting is not None]
        for delivery in list(self._under_way):
            if delivery in self._under_way:  # those that share its connection end with it
                self._drop(delivery)
                self._finish(delivery, CLOSED)
        self._lines.close()
        self._resolver.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports let go of their sockets in the next turn

    # -- deliveries ---------------------------------------------------------------------------------------------------
    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        """Post ``body`` and tell what was answered. Nothing the peer does raises."""
        answered: asyncio.Future[WebhookAnswer] = asyncio.get_running_loop().create_future()

        def told(answer: WebhookAnswer) -> None:
            if not answered.done():
                answered.set_result(answer)

        self.post(url, headers, body, told)
        return await answered

    def post(self, url: str, headers: Mapping[str, str], body: bytes, told: Told, *, together: int = 1) -> None:
        """The same without a task: ``told`` is called once, now or later.

        Up to ``together`` that are posted in one turn of the loop may go out in one write, on one connection: a write, and the read of its
        answer, are most of what a delivery costs (74 µs, 57 with sixteen together). It is for endpoints that answer pipelined requests.
        """
        endpoint = self._endpoint(url)
        if isinstance(endpoint, str):
            told(WebhookAnswer(0, None, f"the URL {endpoint}", refused=True))
            return
        own = "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode("latin-1")
        octets = b"%b%bContent-Length: %d\r\n\r\n%b" % (endpoint.head, own, len(body), body)
        lane = self._lanes.get(endpoint.origin)
        if lane is None:
            lane = self._lanes[endpoint.origin] = _Lane(endpoint.origin)
        delivery = _Delivery(lane, octets, together, told)
        if lane.busy < self._concurrency and self._free > 0 and not lane.waiting:
            self._start(delivery)
            return
        lane.waiting.append(delivery)
        if lane.busy < self._concurrency and len(lane.waiting) == 1:
            self._short.append(lane)

    def _start(self, delivery: _Delivery) -> None:
        loop = asyncio.get_running_loop()
        delivery.lane.busy += 1
        self._free -= 1
        delivery.deadline_s = loop.time() + self._timeout_s
        self._under_way[delivery] = None
        if self._late is None:
            self._late = loop.call_at(delivery.deadline_s, self._cut_late)
        self._write(delivery)

    def _write(self, delivery: _Delivery) -> None:
        """On a kept connection the first time, on a new one the second."""
        delivery.tries += 1
        lane = delivery.lane
        line = None
        if delivery.tries == 1:
            line, lane.filling = lane.filling, None
            if line is None or not line.takes(delivery.together):
                line = self._lines.take(lane.origin)
        if line is not None:
            self._hand(delivery, line)
        else:
            delivery.connecting = asyncio.get_running_loop().create_task(self._connect(delivery))

    def _hand(self, delivery: _Delivery, line: WebhookLine) -> None:
        delivery.line = line
        if delivery.together > 1:
            delivery.lane.filling = line
        line.post(delivery.octets, partial(self._ended, delivery))

    def _ended(self, delivery: _Delivery, how: End) -> None:
        if delivery.line is None:
            return  # dropped
        delivery.line = None
        match how:
            case Head(status, retry_after, date):
                self._finish(delivery, _answer(status, retry_after, date))
            case Cut():
                self._cut(delivery)
            case Unreadable(reason):
                self._finish(delivery, WebhookAnswer(0, None, f"the answer could not be read ({reason})"))
            case _:
                assert_never(how)

    def _cut(self, delivery: _Delivery) -> None:
        """Its connection ended before its answer came."""
        if self._closed:
            self._finish(delivery, CLOSED)
        elif delivery.tries < TRIES:  # the event's id makes a second copy harmless
            self._write(delivery)
        else:
            self._finish(delivery, WebhookAnswer(0, None, "the connection was closed before an answer came"))

    def _finish(self, delivery: _Delivery, answer: WebhookAnswer) -> None:
        lane = delivery.lane
        del self._under_way[delivery]
        lane.busy -= 1
        self._free += 1
        self._tell(delivery, answer)
        self._fill(lane)

    def _fill(self, lane: _Lane) -> None:
        """Places have become free in this lane, and one for all."""
        if lane.waiting and lane not in self._short:
            self._short.append(lane)
        while self._short and self._free > 0:
            first = self._short.popleft()  # lanes in turns: a busy one does not keep the total for itself
            if first.waiting and first.busy < self._concurrency:
                self._start(first.waiting.popleft())
                if first.waiting and first.busy < self._concurrency:
                    self._short.append(first)
        if not lane.busy and not lane.waiting:
            self._lanes.pop(lane.origin, None)

    @staticmethod
    def _tell(delivery: _Delivery, answer: WebhookAnswer) -> None:
        try:
            delivery.told(answer)
        except Exception:  # a bug of the one who asked leaves every other delivery alone
            log.exception("webhooks.not_told")

    def _cut_late(self) -> None:
        """End what is late; one timer for all, because all have the same time."""
        loop = asyncio.get_running_loop()
        now_s, self._late = loop.time(), None
        while (delivery := next(iter(self._under_way), None)) is not None and delivery.deadline_s <= now_s:
            self._drop(delivery)
            self._finish(delivery, WebhookAnswer(0, None, f"no answer in {self._timeout_s:g} s"))
        first = next(iter(self._under_way), None)
        if first is not None and self._late is None:
            self._late = loop.call_at(first.deadline_s, self._cut_late)

    @staticmethod
    def _drop(delivery: _Delivery) -> None:
        line, delivery.line = delivery.line, None
        if line is not None:
            line.cut()  # the others on it go out once more
        if delivery.connecting is not None:
            delivery.connecting.cancel()

    async def _connect(self, delivery: _Delivery) -> None:
        try:
            line = await self._lines.open(delivery.lane.origin, self._resolver)
        except Refused as error:
            answer = WebhookAnswer(0, None, str(error), refused=True)
        except (OSError, ValueError) as error:  # ValueError: a name that nobody can resolve
            answer = WebhookAnswer(0, None, reason_of(error))
        else:
            delivery.connecting = None
            if line.usable:
                self._hand(delivery, line)
            else:  # it ended as soon as it stood
                self._cut(delivery)
            return
        delivery.connecting = None
        self._finish(delivery, answer)

    def _checked(self, url: str) -> _Endpoint | str:
        target = check_url(url, self._allow)
        if isinstance(target, str):
            return target
        try:
            parsed = URL(url)
            host = parsed.host_port_subcomponent or ""
            head = f"POST {parsed.raw_path_qs} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\n".encode("ascii")
        except ValueError:
            return "is no URL that can be read"
        if (parsed.scheme, (parsed.host or "").removesuffix("."), parsed.port) != target:
            return "can be read in two ways"  # two parsers that disagree are how checks are passed by
        return _Endpoint(target, head)


def _answer(status: int, retry_after: str, date: str) -> WebhookAnswer:
    if 200 <= status < 300:
        return WebhookAnswer(status)
    error = f"the endpoint answered {status}" + (", and redirects are not followed" if 300 <= status < 400 else "")
    return WebhookAnswer(status, retry_after_s(retry_after, date), error)
