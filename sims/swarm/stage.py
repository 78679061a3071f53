"""The stage: processes that are started, stopped, killed and started again, on one network, with one journal."""

import contextvars
from collections.abc import Callable
from random import Random
from typing import Any, Final

from router.ids import MessageId, to_text
from router.journal.memory import MemoryJournal
from router.model import State
from sims.invariants import Ended
from sims.swarm.calls import Exchange
from sims.swarm.cast import Cast
from sims.swarm.counter import Counter, Witness
from sims.swarm.loop import PROCESS, VirtualLoop
from sims.swarm.node import Gone, Node
from sims.swarm.plan import PORT, TENANTS, Plan
from sims.swarm.store import Store
from sims.swarm.tenants import Customers, Endpoint
from sims.swarm.trace import Trace
from sims.swarm.wires import Network

START_S: Final = 0.3  # within which everything is started
AGAIN_S: Final = 0.4  # until an actor that ended itself is started again
ZOMBIE: Final = 75  # the code of a process that found out that it has been replaced


class Stage:
    """All that exists in one run."""

    def __init__(self, plan: Plan, cast: Cast, journal: Callable[..., MemoryJournal] = MemoryJournal) -> None:
        """``journal`` makes the store: another one to see whether its faults are found."""
        self.plan = plan
        self._cast = cast
        self.failures: list[str] = []  # what may not happen to a process of ours
        self.ended: list[Ended] = []
        self.loop = VirtualLoop(self._on_error)  # type: ignore[abstract]  # what is left out, nothing here asks for
        self.trace = Trace(self.loop.time)
        self.store = Store(self.loop, self.dice("store"), self.trace, journal, on_phase=self._on_phase, on_end=self._on_end)
        self.network = Network(self.loop, self.dice("network"))
        self.nodes: dict[str, Node] = {}
        self.all: list[Node] = []
        self.exchange = Exchange(self.loop, self.dice("calls"), self.nodes.get)
        self.on_call: Callable[[Node, str, str], None] = _ignore
        self.same_host = self.dice("hosts").random() < 0.7  # whether a successor can see that its predecessor is dead
        self.counters = {name: self._counter(name) for name in plan.temperaments}
        self.customers = Customers(
            self.loop, self.dice("customers"), self.trace, self._request, plan.api_keys, plan.settings.api.fronts
        )
        self.endpoint = Endpoint(self.loop, self.dice("endpoint"), self.trace, plan.secrets)
        self._starts = self.dice("starts")
        for name, value in cast.initial(plan.settings):
            self.store.now("put_value", name, value)
        for role in cast.roles(plan.settings):
            self.later(self._starts.uniform(0, START_S), self.start, role)
        for order in plan.orders:
            self.customers.place(order)

    def dice(self, name: str) -> Random:
        """A generator for one purpose: what one part draws changes nothing for the others."""
        return Random(f"{name} {self.plan.seed}")  # noqa: S311 (it is all about coming out the same again)

    def _counter(self, carrier: str) -> Counter:
        witness = Witness(carrier, self.now_us, self.trace)
        seed = self.dice(carrier).randrange(2**32)
        counter = Counter(self.loop, witness, self.plan.temperaments[carrier], seed)
        self.network.listen(f"{carrier}.sim", PORT, counter.accept)
        return counter

    def now_us(self) -> int:
        """Time as observers have it."""
        return round(self.loop.time() * 1e6)

    async def _request(self, front: str, *request: Any) -> tuple[int, bytes]:
        status, body = await self.exchange.call(front, "request", *request)
        return status, body

    def later(self, delay_s: float, act: Callable[..., None], *arguments: Any) -> None:
        """Have something happen that is no process's doing: it happens whoever is dead by then."""
        self.loop.call_later(delay_s, act, *arguments, context=contextvars.Context())

    # -- processes ------------------------------------------------------------------------------------------------
    def start(self, role: str) -> None:
        """A new incarnation of a role, whether there is another one or not."""
        node = Node(
            role,
            len(self.all),
            self.loop,
            self.dice(f"{role} {len(self.all)}"),
            backend=self._backend,
            knows_dead=self._knows_dead,
            on_exit=self._on_exit,
        )
        self.all.append(node)
        self.nodes[role] = node
        self.trace.add("start", node.name)
        self.loop.call_soon(self._begin, node, context=node.context)

    def _begin(self, node: Node) -> None:
        node.actor = self._cast.play(node.role, node, self.exchange.call)

    def kill(self, node: Node, back_s: float) -> None:
        """End a process between two of its steps; its role is taken up again after ``back_s``."""
        if not node.alive:
            return
        node.alive = False
        self.trace.add("end", node.name)
        self.store.forget(node)
        self.exchange.process_ended(node)
        self.network.process_ended(lambda context: context.get(PROCESS) is node)
        node.parked.clear()
        if self.nodes.get(node.role) is node:
            self.later(back_s, self._again, node)

    def _again(self, node: Node) -> None:
        if self.nodes.get(node.role) is node:
            self.start(node.role)

    def stop(self, node: Node, lasts_s: float) -> None:
        """Stop a process, and continue it later as if nothing had been."""
        if node.alive and not node.stopped:
            node.stopped = True
            self.trace.add("stop", node.name)
            self.later(lasts_s, self._continue, node)

    def _continue(self, node: Node) -> None:
        node.stopped = False
        if node.alive:
            self.trace.add("continue", node.name)
            self.loop.resume(node.parked)

    def _backend(self, node: Node, kind: str) -> Any:
        match kind:
            case "journal":
                return self.store.link(node)
            case "wake":
                return self.store.wake(node)
            case _:
                return self.endpoint

    def _knows_dead(self, incarnation: str) -> bool:
        return self.same_host and any(node.name == incarnation and not node.alive for node in self.all)

    def _on_exit(self, node: Node, code: int) -> None:
        self.trace.add("exit", node.name, str(code))
        if code not in {0, ZOMBIE}:
            self.failures.append(f"{node.name} ended with {code}")
        self.kill(node, AGAIN_S)

    def _on_error(self, where: str, error: BaseException) -> None:
        if not isinstance(error, Gone):
            self.failures.append(f"{where}: {error!r}")

    def _on_phase(self, node: Node, call: str, phase: str) -> None:
        self.on_call(node, call, phase)

    def _on_end(self, message_id: MessageId, state: State) -> None:
        self.ended.append(Ended(self.now_us(), to_text(message_id), state))
        self.trace.add("final", to_text(message_id)[-6:], state.name)

    def end(self) -> None:
        """The curtain."""
        for node in self.all:
            node.alive = False
        self.loop.end()

    # -- looking on -----------------------------------------------------------------------------------------------
    @property
    def live(self) -> int:
        """Messages that have not ended."""
        return sum(book.accepted - book.finished for book in self.store.journal._books)  # noqa: SLF001 (as the checker does)

    @property
    def untold(self) -> int:
        """Webhooks that are not delivered."""
        return sum(len(channel.free) for book in self.store.journal._books for channel in book.channels.values())  # noqa: SLF001 (as above)

    @property
    def tenants(self) -> tuple[str, ...]:
        """Who sends."""
        return TENANTS


def _ignore(node: Node, call: str, phase: str) -> None:
    del node, call, phase
