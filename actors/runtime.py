"""Where Ray is applied: actor classes and their options. The only module that decorates anything."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.calls import Calls
from actors.cluster import NAMESPACE
from actors.names import SUPERVISOR, carrier_actor, kind_of
from actors.shell import JournalAddress
from router.settings import Settings

CONCURRENCY: Final = 2_000  # calls under way in one actor: offers wait in lanes, watches wait for changes
# Actors are restarted for ever; a call is never repeated by Ray, because one that failed may have been carried out.
OPTIONS: Final[Mapping[str, Any]] = {
    "namespace": NAMESPACE,
    "lifetime": "detached",
    # As good as none: of an actor that asks for nothing at all Ray 2.60 heeds no placement, and takes a node at random.
    "num_cpus": 0.001,
    "max_restarts": -1,
    "max_task_retries": 0,
    "max_concurrency": CONCURRENCY,
    "get_if_exists": True,
    "scheduling_strategy": "SPREAD",  # over the nodes that there are, in turns
}


def _remote(kind: str) -> Any:
    """The actor class of a kind.

    Each stands in a module of its own, which is all that its process imports: a carrier needs no HTTP server. Measured:
    0.4 s of CPU and 25 MB a process less than with one module for all.
    """
    return ray.remote(getattr(import_module(f"actors.leaves.{kind}"), kind.capitalize()))


def _place(index: int) -> NodeAffinitySchedulingStrategy:
    """The node of a door: each node has one before any has two. Where that node is gone, another will do."""
    nodes = sorted(node["NodeID"] for node in ray.nodes() if node["Alive"])  # type: ignore[no-untyped-call]  # Ray
    return NodeAffinitySchedulingStrategy(nodes[index % len(nodes)], soft=True)


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
            case "dispatcher" | "courier" | "esme":
                arguments.append(index)
            case "carrier":
                profile = next(p for p in settings.carriers if carrier_actor(p.name) == name)
                arguments.append(profile.name)
                if profile.labels:
                    options["label_selector"] = dict(profile.labels)
                    options["scheduling_strategy"] = "DEFAULT"  # where it has to be says more than that it be spread
            case _:
                pass
        if kind in {"front", "esme"}:
            options["scheduling_strategy"] = await asyncio.to_thread(_place, index)
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
