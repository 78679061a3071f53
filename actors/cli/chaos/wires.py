"""Everything that passes between the system and what surrounds it: proxies, the webhook receiver, speedometers, on a loop of their own."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic, time_ns
from typing import Final, NamedTuple, TypeVar

import uvloop

from sims.chaos.proxy import Link, Proxy
from sims.chaos.speedometer import Burst, Pulse, Speedometer, SubmitCounter
from sims.chaos.toxics import Toxic
from sims.load.receiver import Event, WebhookReceiver

T = TypeVar("T")

BEAT_S: Final = 0.004
START_S: Final = 10.0


class Told(NamedTuple):
    """A webhook as it came."""

    at_us: int
    id: str
    event: str  # the webhook-id
    status: str
    signed: bool


class Receiver(WebhookReceiver):
    """Takes every webhook and keeps what it said."""

    def __init__(self, secret: str) -> None:
        self.told: list[Told] = []
        super().__init__(self._note, secret=secret)

    def _note(self, event: Event) -> None:
        self.told.append(Told(time_ns() // 1_000, event.message_id, event.webhook_id, event.status, event.signed))


class Wrote(NamedTuple):
    """What the system has written on one connection to a carrier."""

    opened_s: float
    last_s: float  # 0: nothing
    submits: int


class CarrierWire:
    """The way to one carrier: a proxy, and what the system writes into it."""

    def __init__(self, upstream: str, seed: int, pulse: Pulse) -> None:
        self.proxy = Proxy(upstream, seed=seed, tap=self._tap)
        self.speed = Speedometer()
        self.wrote: dict[int, Wrote] = {}  # by number of the connection
        self._counters: dict[int, SubmitCounter] = {}
        self._pulse = pulse

    def _tap(self, link: Link, octets: bytes, now_s: float) -> None:
        counter = self._counters.setdefault(link.number, SubmitCounter())
        submits = counter.count(octets)
        before = self.wrote.get(link.number, Wrote(now_s, 0.0, 0))
        self.wrote[link.number] = Wrote(before.opened_s, now_s if submits else before.last_s, before.submits + submits)
        if submits:
            self.speed.add(Burst(min(self._pulse.empty_s, now_s), now_s, submits))


class Wires:
    """Owns the thread. ``carriers`` and ``hooks`` are read from outside once it has started; changes go through ``do``."""

    def __init__(self, carriers: dict[str, str], secret: str, seed: int) -> None:
        """``carriers``: name → address of the simulator."""
        self._upstreams = carriers
        self._seed = seed
        self.receiver = Receiver(secret)
        self.carriers: dict[str, CarrierWire] = {}
        self.hooks: Proxy
        self.journal: Proxy | None = None
        self.hook_url = ""
        self._loop = uvloop.new_event_loop()
        self._pulse = Pulse(monotonic())
        self._thread = threading.Thread(target=self._run, daemon=True, name="wires")

    def start(self) -> None:
        """Listen everywhere but for the journal."""
        self._thread.start()
        self.do(self._start)

    def do(self, work: Callable[[], Awaitable[T]]) -> T:
        """Have this done on the loop, and wait for it."""

        async def run() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(START_S)

    def proxy_journal(self, upstream: Path, path: Path) -> None:
        """A proxy before the journal's socket."""

        async def start() -> None:
            self.journal = Proxy(str(upstream), seed=self._seed)
            await self.journal.start(str(path))

        self.do(start)

    def poison(self, proxy: Proxy, name: str, toxic: Toxic, stream: str = "down", *, toxicity: float = 1.0) -> None:
        """Set a toxic."""

        async def add() -> None:
            proxy.add(name, toxic, "up" if stream == "up" else "down", toxicity=toxicity)

        self.do(add)

    def cure(self, proxy: Proxy) -> None:
        """Take all toxics away."""

        async def clear() -> None:
            proxy.clear()

        self.do(clear)

    def reset(self, proxy: Proxy) -> int:
        """Reset every connection; how many there were."""

        async def cut() -> int:
            return proxy.cut_all(reset=True)

        return self.do(cut)

    @property
    def lag_s(self) -> float:
        """The longest time for which the loop did not run."""
        return self._pulse.longest_s

    def stop(self) -> None:
        """Close everything and end the thread."""
        if not self._thread.is_alive():
            return
        self.do(self._stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _start(self) -> None:
        for place, (name, upstream) in enumerate(self._upstreams.items()):
            wire = self.carriers[name] = CarrierWire(upstream, self._seed + place, self._pulse)
            await wire.proxy.start()
        url = await self.receiver.start("127.0.0.1", "/events")
        self.hooks = Proxy(url.partition("//")[2].partition("/")[0], seed=self._seed)
        self.hook_url = f"http://{await self.hooks.start()}/events"
        self._pulse.begin(monotonic())
        self._beat()

    def _beat(self) -> None:
        self._pulse.beat(monotonic())
        self._loop.call_later(BEAT_S, self._beat)

    async def _stop(self) -> None:
        for proxy in (*(wire.proxy for wire in self.carriers.values()), self.hooks, self.journal):
            if proxy is not None:
                await proxy.stop()
        await self.receiver.stop()
