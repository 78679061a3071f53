"""The journal at the other end of a network: calls take time, fail, and sometimes fail although they took effect."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from random import Random
from typing import Any, Final

from router.ids import MessageId, to_text
from router.journal.memory import MemoryJournal
from router.journal.memory.book import Book, Entry
from router.journal.port import JournalUnavailable
from router.model import State
from sims.swarm.loop import VirtualLoop
from sims.swarm.node import EPOCH_NS, Node
from sims.swarm.trace import Trace

LATENCY_S: Final = (0.0002, 0.004)  # one way
SLOW_S: Final = (0.05, 1.5)  # one way, for the few calls that a busy disk holds up
TIMEOUT_S: Final = 1.0  # after which a caller gives up; five seconds in earnest, which would only make runs longer
QUIET: Final = frozenset(  # calls that nothing is decided by: they are no part of the trace
    {
        "get_value",
        "put_value",
        "pressure",
        "depths",
        "health",
        "pump",
        "expire_waits",
        "retire",
        "renew",
        "overdue",
        "stale_groups",
    }
)


class Weather:
    """How the way to the journal is now. The faults change it."""

    def __init__(self) -> None:
        self.down_until_s = 0.0  # nobody answers
        self.lost = 0.0  # share of the calls that fail; half of them after they took effect
        self.slow = 0.0  # share of the calls that take long
        self.deaf = 0.0  # share of the wake calls that are lost


class Store:
    """The server: the journal in memory, which outlives every process, and the way to it."""

    def __init__(
        self,
        loop: VirtualLoop,
        rng: Random,
        trace: Trace,
        journal: Callable[..., MemoryJournal],
        *,
        on_phase: Callable[[Node, str, str], None],
        on_end: Callable[[MessageId, State], None],
    ) -> None:
        """``on_phase(node, call, phase)``: a call is asked, served, answered. ``on_end``: a message ended."""
        self.weather = Weather()
        self._loop = loop
        self._rng = rng
        self._trace = trace
        self._on_phase = on_phase
        self.journal = journal(lambda: (EPOCH_NS + round(loop.time() * 1e9)) // 1_000_000, self._wake)
        self._listeners: dict[Wake, None] = {}
        for book in self.journal._books:  # noqa: SLF001 (an end is watched where it happens, to the instant)
            _watch(book, on_end)

    def link(self, node: Node) -> "Remote":
        """The journal as a process sees it."""
        return Remote(self, node)

    def wake(self, node: Node) -> "Wake":
        """Its wake calls as a process hears them."""
        return Wake(self, node)

    def now(self, name: str, *arguments: Any) -> Any:
        """A call without a network, for whoever looks on from outside."""
        return _carry_out(getattr(self.journal, name), arguments, {})

    # -- calls ----------------------------------------------------------------------------------------------------
    async def ask(self, node: Node, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """One call of a process; raises what the journal raises, ``JournalUnavailable`` when the way fails it."""
        loop, rng, weather = self._loop, self._rng, self.weather
        answer: asyncio.Future[Any] = loop.create_future()
        there_s, back_s = self._way(), self._way()
        fails = rng.random() < weather.lost
        applied = rng.random() < 0.5
        arguments = tuple(list(argument) if isinstance(argument, list) else argument for argument in arguments)
        self._on_phase(node, name, "asked")

        def serve() -> None:
            if loop.time() < weather.down_until_s or (fails and not applied):
                loop.call_later(min(back_s, TIMEOUT_S), tell, None, JournalUnavailable("no answer"), context=node.context)
                return
            result, error = None, None
            try:
                result = _carry_out(getattr(self.journal, name), arguments, named)
            except Exception as raised:  # noqa: BLE001 (what the journal raises is its answer)
                error = raised
            if name not in QUIET:
                self._trace.add(node.name, name, _told(arguments), _told((result,)), type(error).__name__ if error else "")
            self._on_phase(node, name, "served")
            if fails:
                loop.call_later(TIMEOUT_S, tell, None, JournalUnavailable("the answer was lost"), context=node.context)
            else:
                loop.call_later(back_s, tell, result, error, context=node.context)

        def tell(result: Any, error: Exception | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)
            self._on_phase(node, name, "answered")

        # In nobody's context: what has left a process arrives, whatever becomes of the process.
        loop.call_later(there_s, serve, context=contextvars.Context())
        return await answer

    def _way(self) -> float:
        return self._rng.uniform(*(SLOW_S if self._rng.random() < self.weather.slow else LATENCY_S))

    # -- wake calls -----------------------------------------------------------------------------------------------
    def _wake(self, topic: str, payload: str) -> None:
        for listener in self._listeners:
            if self._rng.random() >= self.weather.deaf:
                listener.hear(topic, payload, self._loop, self._rng.uniform(*LATENCY_S))

    def listen(self, wake: "Wake") -> None:
        """Have someone told from now on."""
        self._listeners[wake] = None

    def forget(self, node: Node) -> None:
        """A process is no more."""
        for wake in [wake for wake in self._listeners if wake.node is node]:
            del self._listeners[wake]


class Remote:
    """The port, called over the network: every method of the journal in memory."""

    def __init__(self, store: Store, node: Node) -> None:
        self._store = store
        self._node = node

    def watch(self, observer: object) -> None:
        """Nobody measures here."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        async def call(*arguments: Any, **named: Any) -> Any:
            return await self._store.ask(self._node, name, arguments, named)

        setattr(self, name, call)
        return call


class Wake:
    """``router.journal.wake.Wake`` of one process."""

    def __init__(self, store: Store, node: Node) -> None:
        self._store = store
        self.node = node
        self._boxes: list[tuple[frozenset[str], asyncio.Queue[tuple[str, str]]]] = []

    async def listen(self, *topics: str) -> AsyncIterator[tuple[str, str]]:
        """Wake calls as they come."""
        box: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._boxes.append((frozenset(topics), box))
        self._store.listen(self)
        while True:
            yield await box.get()

    def hear(self, topic: str, payload: str, loop: VirtualLoop, after_s: float) -> None:
        """A call for this process is on its way."""
        for topics, box in self._boxes:
            if topic in topics:
                loop.call_later(after_s, box.put_nowait, (topic, payload), context=self.node.context)


def _carry_out(method: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """A method of the journal in memory, which never waits."""
    work = method(*arguments, **named)
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise RuntimeError("the journal in memory has waited")


def _watch(book: Book, on_end: Callable[[MessageId, State], None]) -> None:
    finish = book.finish

    def watched(now_ms: int, message_id: MessageId, entry: Entry, state: State) -> Any:
        on_end(message_id, state)
        return finish(now_ms, message_id, entry, state)

    setattr(book, "finish", watched)  # noqa: B010 (a method of this one book)


def _told(values: tuple[Any, ...]) -> str:
    """Values in a line: ids by their last letters, octets by their number."""
    return " ".join(_word(value) for value in values)


def _word(value: Any) -> str:
    if isinstance(value, bytes):
        return to_text(value)[-6:] if len(value) == 16 else f"{len(value)}B"
    if isinstance(value, tuple | list):
        return f"[{' '.join(_word(one) for one in value[:8])}{' …' if len(value) > 8 else ''}]"
    if isinstance(value, set | frozenset):
        return f"{{{len(value)}}}"
    if isinstance(value, dict):
        return "{" + " ".join(f"{_word(key)}:{_word(one)}" for key, one in value.items()) + "}"
    with suppress(AttributeError):
        return str(value.name)
    return str(value)
