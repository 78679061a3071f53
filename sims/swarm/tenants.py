"""The customers: they send, they insist under the same key, they take webhooks and check their signatures."""

import asyncio
import hmac
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from router.model import STATES_OF_STATUS, MessageClass, State, Status
from router.webhooks import WebhookAnswer
from sims.invariants import Accepted, Delivery
from sims.swarm.loop import VirtualLoop
from sims.swarm.node import EPOCH_NS
from sims.swarm.trace import Trace

GIVE_UP_S: Final = 30.0  # how long a customer insists
ANSWER_S: Final = 3.0  # and how long it waits for an answer
ENDPOINT_S: Final = (0.002, 0.08)
SIGNED_WITHIN_S: Final = 300  # Standard Webhooks: receivers refuse older timestamps

Call = Callable[..., Awaitable[tuple[int, bytes]]]
"""front, method, path, headers, body → status and body; raises whatever a connection does."""


class Order(NamedTuple):
    """A request that a customer makes."""

    at_s: float
    tenant: str
    key: str  # its Idempotency-Key; "": none, and then it asks once
    messages: Sequence[Mapping[str, Any]]  # as the API takes them; one is sent alone
    twice: bool = False  # impatient: asks two fronts at the same time


class Customers:
    """All tenants: what they were told, and what their endpoint was."""

    def __init__(self, loop: VirtualLoop, rng: Random, trace: Trace, call: Call, keys: Mapping[str, str], fronts: int) -> None:
        """``keys``: each tenant's API key."""
        self._loop = loop
        self._rng = rng
        self._trace = trace
        self._call = call
        self._keys = keys
        self._fronts = fronts
        self.accepted: list[Accepted] = []
        self.waiting = 0  # requests that have no answer yet
        self.statuses: list[int] = []

    def place(self, order: Order) -> None:
        """Have a request made when its time comes."""
        copies = 2 if order.twice and order.key else 1
        for _ in range(copies):
            self.waiting += 1
            self._loop.call_at(order.at_s, lambda: self._loop.create_task(self._insist(order)))

    async def _insist(self, order: Order) -> None:
        until_s = self._loop.time() + GIVE_UP_S
        try:
            while True:
                status = await self._ask(order)
                if status == 202 or not order.key or self._loop.time() > until_s:
                    return
                if status not in {0, 409, 429, 503}:
                    return
                await asyncio.sleep(self._rng.uniform(0.05, 1.0))
        finally:
            self.waiting -= 1

    async def _ask(self, order: Order) -> int:
        front = f"front:#{self._rng.randrange(self._fronts)}"
        headers = {"authorization": f"Bearer {self._keys[order.tenant]}", "content-type": "application/json"}
        if order.key:
            headers["idempotency-key"] = order.key
        lone = len(order.messages) == 1
        path = "/v1/messages" if lone else "/v1/messages/batch"
        body = msgspec.json.encode(order.messages[0] if lone else {"messages": list(order.messages)})
        try:
            async with asyncio.timeout(ANSWER_S):
                status, answer = await self._call(front, "POST", path, headers, body)
        except Exception as error:  # noqa: BLE001 (refused, reset, too late: it is not known what became of it)
            self._trace.add("customer", order.tenant, order.key, type(error).__name__)
            return 0
        self._trace.add("customer", order.tenant, order.key, str(status))
        self.statuses.append(status)
        if status == 202:
            self._note(order, msgspec.json.decode(answer))
        return status

    def _note(self, order: Order, answer: Any) -> None:
        items = [answer] if len(order.messages) == 1 else answer["data"]
        for place, item in enumerate(items):
            if "id" not in item:
                continue
            message = order.messages[item.get("index", place)]
            klass = MessageClass[str(message["class"]).upper()]
            at_us = round(self._loop.time() * 1e6)
            self.accepted.append(
                Accepted(at_us, item["id"], order.tenant, klass, order.key, item.get("index", place), int(item["segments"]))
            )


class Endpoint:
    """Where webhooks go. ``post`` has the shape of ``carriers.webhook.WebhookSender.post``."""

    def __init__(self, loop: VirtualLoop, rng: Random, trace: Trace, secrets: Mapping[str, bytes]) -> None:
        """``secrets``: by the host of a tenant's URL, the key that signatures are made with."""
        self._loop = loop
        self._rng = rng
        self._trace = trace
        self._secrets = secrets
        self.deliveries: list[Delivery] = []
        self._taking: set[asyncio.Task[None]] = set()
        self.fails = 0.0  # share of the deliveries that it answers with an error, or takes and never answers
        self.broken_until_s = 0.0

    def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        told: Callable[[WebhookAnswer], None],
        *,
        together: int = 1,  # noqa: ARG002 (how they travel makes no difference here)
    ) -> None:
        """Take one, as a part of the node that brings it: it hears no answer when it ends before."""

        async def taking() -> None:
            told(await self._take(url, headers, body))

        task = asyncio.get_running_loop().create_task(taking())
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    async def _take(self, url: str, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        await asyncio.sleep(self._rng.uniform(*ENDPOINT_S))
        tenant = url.removeprefix("https://").partition(".")[0]
        event = msgspec.json.decode(body)
        failing = self._loop.time() < self.broken_until_s or self._rng.random() < self.fails
        silent = failing and self._rng.random() < 0.3
        taken = not failing or silent
        self.deliveries.append(
            Delivery(
                round(self._loop.time() * 1e6),
                str(event["data"]["id"]),
                tenant,
                headers["webhook-id"],
                _state(event["data"]["status"]),
                signed=self._signed(tenant, headers, body),
                taken=taken,
            )
        )
        self._trace.add("endpoint", headers["webhook-id"], "taken" if taken else "failed")
        if silent:
            await asyncio.sleep(1.0)
            return WebhookAnswer(0, None, "no answer in 1 s")
        await asyncio.sleep(self._rng.uniform(*ENDPOINT_S))
        return WebhookAnswer(503 if failing else 200)

    def _signed(self, tenant: str, headers: Mapping[str, str], body: bytes) -> bool:
        # As the specification says it, not as the sender does it: the receiver's own arithmetic.
        stamp = headers["webhook-timestamp"]
        content = f"{headers['webhook-id']}.{stamp}.".encode() + body
        wanted = "v1," + b64encode(hmac.digest(self._secrets[tenant], content, "sha256")).decode()
        now_s = EPOCH_NS / 1e9 + self._loop.time()
        # Clocks of nodes are set wrong on purpose, by minutes at most.
        return wanted in headers["webhook-signature"].split() and abs(now_s - int(stamp)) <= SIGNED_WITHIN_S


def _state(word: str) -> State:
    return STATES_OF_STATUS[Status(word)][0]
