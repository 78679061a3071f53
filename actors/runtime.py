"""Where Ray is applied: actor classes, their options, and the calls between actors. The only module that decorates anything."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import ray
from ray.exceptions import ActorDiedError, RayError

from actors.brain import Brain
from actors.carrier import Carrier
from actors.courier import Courier
from actors.dispatcher import Dispatcher
from actors.front import Front
from actors.limiter import Limiter
from actors.logs import set_up_logging
from actors.names import BRAIN, SUPERVISOR, carrier_actor, kind_of
from actors.shell import JournalAddress
from actors.supervisor import Supervisor
from actors.wire import Lane, Offered, Reply, pack_observations, pack_offer, unpack_lane, unpack_reply
from router.brain.port import Observation
from router.settings import Settings

log = logging.getLogger("trunkline.runtime")

NAMESPACE: Final = "trunkline"
TELLING_LIMIT: Final = 50  # calls to the brain under way from one carrier, which makes ten a second
CONCURRENCY: Final = 2_000  # calls under way in one actor: offers wait in lanes, watches wait for changes
# Actors are restarted for ever; a call is never repeated by Ray, because one that failed may have been carried out.
OPTIONS: Final[Mapping[str, Any]] = {
    "namespace": NAMESPACE,
    "lifetime": "detached",
    "num_cpus": 0,
    "max_restarts": -1,
    "max_task_retries": 0,
    "max_concurrency": CONCURRENCY,
    "get_if_exists": True,
}


class Calls:
    """Calls to actors by name. Handles are looked up once, off the loop, and again only when Ray says that an actor is gone."""

    def __init__(self) -> None:
        self._handles: dict[str, Any] = {}

    async def call(self, actor: str, method: str, *arguments: Any) -> Any:
        """Call and wait; raises whatever Ray raises, ``ValueError`` when there is no such actor."""
        handle = self._handles.get(actor)
        if handle is None:
            handle = self._handles[actor] = await asyncio.to_thread(ray.get_actor, actor, NAMESPACE)
        try:
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
        self._telling: set[asyncio.Task[None]] = set()

    def observe(self, batch: Sequence[Observation]) -> None:
        if len(self._telling) >= TELLING_LIMIT:
            return  # it hangs, or starts: what it does not hear it does not learn
        task = asyncio.get_running_loop().create_task(self._tell(pack_observations(batch)))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, octets: bytes) -> None:
        try:
            await self._calls.call(BRAIN, "observe", octets)
        except (ValueError, RayError) as error:
            log.info("carrier.brain_silent error=%s", type(error).__name__)


class RayPeers:
    """``PeerCalls`` over Ray."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def lease(self, limiter: str, octets: bytes) -> bytes:
        return bytes(await self._calls.call(limiter, "lease", octets))

    async def status(self, carrier: str) -> dict[str, Any]:
        return dict(await self._calls.call(carrier, "status"))

    async def snapshot(self, actor: str) -> bytes:
        return bytes(await self._calls.call(actor, "snapshot"))


# Leaf classes: what Ray instantiates. They add nothing but the calls that the plain classes are given.
class _Front(Front):
    def __init__(self, name: str, address: JournalAddress) -> None:
        set_up_logging(name)
        super().__init__(name, address, RayPeers(Calls()))


class _Dispatcher(Dispatcher):
    def __init__(self, name: str, address: JournalAddress, index: int) -> None:
        set_up_logging(name)
        calls = Calls()
        super().__init__(name, address, index, lambda carrier: RayCarrier(calls, carrier))


class _Carrier(Carrier):
    def __init__(self, name: str, address: JournalAddress, carrier: str) -> None:
        set_up_logging(name)
        super().__init__(name, address, carrier, RayBrain(Calls()))


class _Brain(Brain):
    def __init__(self, name: str, address: JournalAddress) -> None:
        set_up_logging(name)
        super().__init__(name, address)


class _Limiter(Limiter):
    def __init__(self, name: str, address: JournalAddress) -> None:
        set_up_logging(name)
        super().__init__(name, address)


class _Courier(Courier):
    def __init__(self, name: str, address: JournalAddress, index: int) -> None:
        set_up_logging(name)
        super().__init__(name, address, index)


class _Supervisor(Supervisor):
    def __init__(self, name: str, address: JournalAddress) -> None:
        set_up_logging(name)
        super().__init__(name, address, RayFleet(Calls(), address))


_CLASSES: Final[Mapping[str, type]] = {
    "front": _Front,
    "dispatcher": _Dispatcher,
    "carrier": _Carrier,
    "brain": _Brain,
    "limiter": _Limiter,
    "courier": _Courier,
    "supervisor": _Supervisor,
}


def _remote(kind: str) -> Any:
    plain = _CLASSES[kind]
    # The dashboard shows the class's name beside the actor's own.
    shown = type(plain.__bases__[0].__name__, (plain,), {})
    return ray.remote(shown)


def start_supervisor(address: JournalAddress) -> None:
    """Have the supervisor running; it starts all the others."""
    _remote("supervisor").options(name=SUPERVISOR, **OPTIONS).remote(SUPERVISOR, address)


class RayFleet:
    """``Fleet`` over Ray."""

    def __init__(self, calls: Calls, address: JournalAddress) -> None:
        self._calls = calls
        self._address = address

    async def start(self, name: str, settings: Settings) -> None:
        kind = kind_of(name)
        options = dict(OPTIONS)
        arguments: list[Any] = [name, self._address]
        index = int(name.rpartition("#")[2]) if "#" in name else 0
        match kind:
            case "dispatcher" | "courier":
                arguments.append(index)
            case "carrier":
                profile = next(p for p in settings.carriers if carrier_actor(p.name) == name)
                arguments.append(profile.name)
                if profile.labels:
                    options["label_selector"] = dict(profile.labels)
            case _:
                pass
        remote = await asyncio.to_thread(_remote, kind)
        await asyncio.to_thread(lambda: remote.options(name=name, **options).remote(*arguments))

    async def ping(self, name: str) -> Mapping[str, Any]:
        return dict(await self._calls.call(name, "ping"))

    async def stop(self, name: str, within_s: float) -> None:
        try:
            await asyncio.wait_for(self._calls.call(name, "stop", within_s), within_s + 2.0)
        finally:
            handle = await asyncio.to_thread(ray.get_actor, name, NAMESPACE)
            await asyncio.to_thread(ray.kill, handle, no_restart=True)
            self._calls.forget(name)

    async def kill(self, name: str) -> None:
        handle = await asyncio.to_thread(ray.get_actor, name, NAMESPACE)
        await asyncio.to_thread(ray.kill, handle, no_restart=False)

    async def names(self) -> Sequence[str]:
        found = await asyncio.to_thread(ray.util.list_named_actors, all_namespaces=True)
        return [row["name"] for row in found if row["namespace"] == NAMESPACE]
