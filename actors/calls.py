"""The calls between actors, over Ray: what the plain classes are given when they run as actors."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import ray
from ray.exceptions import ActorDiedError, RayError

from actors.cluster import NAMESPACE
from actors.metrics import Metrics
from actors.names import carrier_actor
from actors.wire import Lane, Offered, Reply, pack_observations, pack_offer, unpack_lane, unpack_reply
from router.brain.port import Observation

log = logging.getLogger("trunkline.calls")

# Nobody waits longer for an answer. Ray tells of an actor's death by timers of the wall clock (2.60), and after that has gone back it may tell an hour
# late: seen as messages that stayed in a dispatcher's hand, offered to a carrier that was no more.
CALL_S: Final = 30.0
TELLING_LIMIT: Final = 50  # calls to a brain under way from one carrier, which makes ten a second


class Calls:
    """Calls to actors by name. Handles are looked up once, off the loop, and again only when Ray says that an actor is gone."""

    def __init__(self) -> None:
        self._handles: dict[str, Any] = {}
        self._metrics: Metrics | None = None

    def count_in(self, metrics: Metrics) -> None:
        """Count calls there from now on."""
        self._metrics = metrics

    async def call(self, actor: str, method: str, *arguments: Any) -> Any:
        """Call and wait, at most ``CALL_S``; raises whatever Ray raises, ``TimeoutError``, ``ValueError`` when there is no such actor."""
        if self._metrics is not None:
            self._metrics.counter("trunkline_calls", method).add()
        handle = self._handles.get(actor)
        if handle is None:
            handle = self._handles[actor] = await asyncio.to_thread(ray.get_actor, actor, NAMESPACE)
        try:
            async with asyncio.timeout(CALL_S):
                return await getattr(handle, method).remote(*arguments)
        except ActorDiedError:
            self._handles.pop(actor, None)
            raise

    def forget(self, actor: str) -> None:
        """Drop a handle."""
        self._handles.pop(actor, None)


class RayCarrier:
    """``CarrierCall`` over Ray."""

    def __init__(self, calls: Calls, carrier: str) -> None:
        self._calls = calls
        self._actor = carrier_actor(carrier)

    async def offer(self, batch: Sequence[Offered]) -> Reply:
        return unpack_reply(await self._calls.call(self._actor, "offer", pack_offer(batch)))

    async def lane(self, version: int, wait_s: float) -> Lane:
        return unpack_lane(await self._calls.call(self._actor, "lane", version, wait_s))


class RayBrain:
    """``BrainCall`` over Ray."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._telling: dict[str, set[asyncio.Task[None]]] = {}  # by brain: one that hangs is in nobody's way

    def observe(self, brain: str, batch: Sequence[Observation]) -> bool:
        telling = self._telling.setdefault(brain, set())
        if len(telling) >= TELLING_LIMIT:
            return False  # it hangs, or starts
        task = asyncio.get_running_loop().create_task(self._tell(brain, pack_observations(batch)))
        telling.add(task)
        task.add_done_callback(telling.discard)
        return True

    async def _tell(self, brain: str, octets: bytes) -> None:
        try:
            await self._calls.call(brain, "observe", octets)
        except (ValueError, RayError, TimeoutError) as error:
            log.info("carrier.brain_silent brain=%s error=%s", brain, type(error).__name__)


class RayBrains:
    """``BrainCalls`` over Ray."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def part(self, brain: str, octets: bytes) -> bytes:
        return bytes(await self._calls.call(brain, "part", octets))


class RayPeers:
    """``PeerCalls`` over Ray."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def lease(self, limiter: str, octets: bytes) -> bytes:
        return bytes(await self._calls.call(limiter, "lease", octets))

    async def status(self, carrier: str) -> dict[str, Any]:
        return dict(await self._calls.call(carrier, "status"))

    async def shadow(self, dispatcher: str) -> dict[str, int]:
        return dict(await self._calls.call(dispatcher, "shadow"))

    async def accounts(self, esme: str) -> dict[str, dict[str, int]]:
        return dict(await self._calls.call(esme, "accounts"))

    async def snapshot(self, actor: str) -> bytes:
        return bytes(await self._calls.call(actor, "snapshot"))
