"""What a dispatcher does with its turns' decisions: offers to carriers, the end of what has no hope, and who steps aside."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from actors import machine
from actors.decisions import keep_decision
from actors.lanes import CarrierLane, not_taken
from actors.metrics import Metrics
from actors.partitions import Partitions
from actors.pool import Pending, Pool
from actors.triage import Ended
from actors.turn import Turn
from actors.wire import Offered
from router.journal.port import Finish, Journal, JournalError, Lease, Requeue
from router.model import STATUS_OF, MessageClass

OFFER_LIMIT: Final = 300  # messages an offer: with bodies of 250 octets it stays below Ray's 100 kB for inline arguments
AGAIN_MS: Final = 500  # how long a message without room steps aside


class Offering:
    """Puts back into the pool what found no place. ``earn`` is told how many messages carriers took, ``stir`` that some came back."""

    def __init__(
        self,
        journal: Journal,
        pool: Pool,
        partitions: Partitions,
        lanes: Mapping[str, CarrierLane],
        metrics: Metrics,
        *,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        earn: Callable[[int], None],
        stir: Callable[[], None],
        retention_s: float,
    ) -> None:
        self._journal = journal
        self._pool = pool
        self._partitions = partitions
        self._lanes = lanes
        self._metrics = metrics
        self._spawn = spawn
        self._earn = earn
        self._stir = stir
        self._retention_s = retention_s

    def carry_out(self, turn: Turn) -> None:
        """One call a carrier, as far as the room for what waits in it goes; one decision table."""
        turn.count(self._metrics)
        if turn.hopeless:
            self._spawn(self._finish(self.finished(turn.hopeless)))
        if turn.offers or turn.hopeless:
            self._spawn(keep_decision(self._journal, turn.decision, turn.rows, self._retention_s))
        for name, entries in turn.offers.items():
            lane = self._lanes[name]
            size = min(OFFER_LIMIT, lane.piece)
            for start in range(0, len(entries), size):
                self._spawn(self._offer(lane, entries[start : start + size], self._pool.losses))

    def finished(self, ends: Sequence[Ended]) -> list[Finish]:
        """These end here: counted, and as the journal is told."""
        for ended in ends:
            word, end = ended.word, ended.end
            self._metrics.counter("trunkline_finished", STATUS_OF[end.state], "", word, end.error).add()
        return [ended.finish for ended in ends]

    async def _finish(self, items: list[Finish]) -> None:
        try:
            await self._journal.finish("", items, self._partitions.lease)
        except JournalError:
            # They stay claimed; as nobody holds them any more they are given back with the partition's next lease.
            self._partitions.retake()

    async def _offer(self, lane: CarrierLane, entries: list[tuple[Pending, Offered]], losses: int) -> None:
        try:
            left = await not_taken(lane, [offered for _, offered in entries], self._journal)
        except JournalError:
            self._partitions.retake()
            return
        self._earn(len(entries) - len(left))
        back = [item for item, _ in entries if item.claimed.id in left]
        if losses != self._pool.losses:
            return  # given back meanwhile
        for klass in {item.klass for item in back}:
            self._pool.put_back(klass, [item for item in back if item.klass is klass])
        if back:
            self._stir()

    def step_aside(self) -> None:
        """Give back what found no room for a while, so that others behind it get their turn."""
        tired = list(self._pool.impatient(machine.monotonic()))
        if tired:
            for klass in MessageClass:
                stepped = sum(1 for item in tired if item.klass is klass)
                self._metrics.counter("trunkline_requeued", klass.word, "no_room").add(stepped)
            due_ms = machine.now_ms() + AGAIN_MS
            back = [Requeue(item.claimed.id, due_ms, b"", attempts=item.claimed.attempts) for item in tired]
            self._spawn(self._requeue(back, self._partitions.lease))

    async def _requeue(self, items: list[Requeue], lease: Lease) -> None:
        try:
            await self._journal.requeue("", items, lease)
        except JournalError:
            self._partitions.retake()  # as in _finish
