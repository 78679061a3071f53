"""The half of a link's traffic that writes: what waits, in which order, on which session.

No loop: ``carriers.link`` brings the time and calls ``pump`` whenever something may have changed.
"""

from collections.abc import Callable, Sequence
from math import inf
from operator import attrgetter
from random import Random
from types import MappingProxyType
from typing import Final

from carriers.lane import Lane
from carriers.port import VALIDITY_OVER, Answer, Outgoing
from carriers.smpp.backlog import Backlog
from carriers.smpp.commands import SUBMIT_SM
from carriers.smpp.compose import Composer, Unsendable
from carriers.smpp.counters import LinkCounters
from carriers.smpp.full_queues import FullQueues
from carriers.smpp.jobs import Job, Refusal
from carriers.smpp.queries import Queries
from carriers.smpp.seat import Seat
from router.model import MessageClass
from router.settings import CarrierProfile

# How long a message may wait inside the link for a throttled lane before it is given back for another carrier: a one-time
# code is worth moving at once, marketing is not.
PATIENCE_S: Final = MappingProxyType({MessageClass.OTP: 1.0, MessageClass.TRANSACTIONAL: 5.0, MessageClass.MARKETING: 60.0})
MAX_TURN: Final = 1_000  # segments written before the reader gets its turn again: a starved reader makes false time-outs

_room = attrgetter("room")


class Writing:
    """The messages of one link until they are written. ``Traffic`` adds what the answers make of them."""

    def __init__(
        self,
        profile: CarrierProfile,
        lane: Lane,
        *,
        counters: LinkCounters,
        queries: Queries | None,
        clock: Callable[[], float],
        wall: Callable[[], float],
        rng: Random,
    ) -> None:
        """``queries``: None where the carrier is not to be asked. ``clock`` tells when octets have left, and nothing else."""
        self.senders: list[Seat] = []
        self.answers: list[Answer] = []  # to be told; the link takes them
        self._profile = profile
        self._lane = lane
        self._counters = counters
        self._queries = queries
        self._clock = clock
        self._wall = wall
        self._composer = Composer(profile, rng)
        self._backlog = Backlog()
        self._full = FullQueues()
        self._count = 0
        self._wall_s = 0.0  # of this pump: one reading for all of its messages

    def _settle(self, job: Job, now_s: float) -> None:
        """Tell what a message has come to, if it has."""
        raise NotImplementedError

    @property
    def messages(self) -> int:
        """Messages that wait here."""
        return len(self._backlog)

    @property
    def waiting(self) -> int:
        """Segments not written, or to be written again."""
        return self._backlog.waiting

    @property
    def idle(self) -> bool:
        """Whether there is nothing to be written, now or later, and nobody to be asked about."""
        return self._queries is None and not self._backlog.left

    def add(self, batch: Sequence[Outgoing], now_s: float) -> None:
        """Take a batch; ``pump`` writes it."""
        first, self._count = self._count + 1, self._count + len(batch)
        self._backlog.add([Job(one, number, now_s + PATIENCE_S[one.klass]) for number, one in enumerate(batch, first)])

    def pump(self, now_s: float) -> bool:
        """Write what waits as far as lane and windows go, one transport.write a session; whether another turn is due."""
        self._backlog.unpark(now_s)
        room = min(self._lane.room(now_s), MAX_TURN) if self.waiting else 0
        again = self._pump(room, now_s) if room else False
        if self._queries is not None:
            self._queries.pump(self.senders, now_s, submits_wait=self.waiting > 0)
        return again

    def _pump(self, room: int, now_s: float) -> bool:
        self._wall_s = self._wall()
        left = self._write_front(room, now_s) if self._backlog.front else room
        left = self._write_queue(left, now_s)
        for seat in self.senders:
            if seat.shell is not None:
                seat.shell.flush()
        # Not as of ``now_s``: a process that has to wait for a core writes later than it meant to, and what it writes in the second
        # after that is held against the contract together with this. Measured: 269 segments within a second where 250 were contracted.
        # Below 0 when the last one weighs more than there was room for: the lane is shut until that is made up for.
        self._lane.take(room - left, self._clock())
        return left <= 0 and room == MAX_TURN

    def next_due_s(self, now_s: float) -> float:
        """When time alone changes something for what waits: the lane opens, a recipient's pause or a patience ends."""
        due_s = min(self._backlog.patience_s, self._backlog.opens_s)
        if self.waiting and self._lane.room(now_s) <= 0 and any(seat.room for seat in self.senders):
            due_s = min(due_s, now_s + self._lane.next_room_s(now_s))
        if self._queries is not None:
            due_s = min(due_s, self._queries.next_due_s(self.senders, now_s, submits_wait=self.waiting > 0))
        return due_s

    def give_back(self, reason: str, now_s: float = inf) -> None:
        """End the waiting of everything whose patience is over by ``now_s``."""
        for job in self._backlog.impatient(now_s):
            self._give_up(job, reason, now_s)

    # -- writing

    def _write_front(self, room: int, now_s: float) -> int:
        """Begun messages, oldest first; one whose session's window is full does not stop those of other sessions."""
        kept: list[Job] = []
        front, held = self._backlog.front, self._full.held
        for at, job in enumerate(front):
            if room <= 0:
                kept += front[at:]
                break
            job.queued = False
            if job.left and not job.parked and not (held and self._held(job, now_s)):
                if job.seat is None or not job.seat.bound:
                    job.seat = max(self.senders, key=_room)
                count = min(room, job.seat.room, job.left)
                if count > 0:
                    self._write(job, job.seat, count, now_s)
                    room -= count * job.weight
                if job.left:
                    job.queued = True
                    kept.append(job)
        self._backlog.front = kept
        return room

    def _write_queue(self, room: int, now_s: float) -> int:
        queue, front, held = self._backlog.queue, self._backlog.front, self._full.held
        senders = self.senders
        rooms = [seat.room for seat in senders]  # counted down here: asking each for each message took 2 µs
        while queue and room > 0:
            most = max(rooms, default=0)
            if not most:
                break
            job = queue.popleft()
            if (held and self._held(job, now_s)) or not self._compose(job, now_s):
                continue
            at = rooms.index(most)
            job.seat = senders[at]
            count = min(room, most, job.left)
            self._write(job, job.seat, count, now_s)
            rooms[at] = most - count
            room -= count * job.weight
            if job.left:
                job.queued = True
                front.append(job)  # younger than all that is there
        return room

    def _held(self, job: Job, now_s: float) -> bool:
        """Put it aside if its recipient's queue is full."""
        opens_s = self._full.opens_s(job.outgoing.body.to)
        if opens_s <= now_s:
            return False
        if not self._backlog.park(job, opens_s):
            self._give_up(job, "too many wait for recipients whose queues are full", now_s)
        return True

    def _compose(self, job: Job, now_s: float) -> bool:
        """Pack its segments now, so that the validity counts from now; False when that ends it."""
        body = job.outgoing.body
        job.reference = self._composer.reference_of(body)
        composed = self._composer.compose(body, self._wall_s, job.reference)
        if composed is None:
            job.ending = VALIDITY_OVER
        elif isinstance(composed, Unsendable):
            job.refusal = Refusal(0, composed.error, composed.fault, composed.again, composed.reason)
        else:
            self._backlog.waiting += len(composed) - job.left
            job.begin(composed)
            return True
        self._backlog.drop(job)
        self._settle(job, now_s)
        return False

    def _write(self, job: Job, seat: Seat, count: int, now_s: float) -> None:
        """So many segments of one message, in order, on a session that has room for them."""
        shell = seat.shell
        if shell is None:  # has no room
            return
        if not job.first_s:
            job.first_s = now_s
            job.wall_s = self._wall_s
        request = shell.session.request
        for _ in range(count):
            index = job.next_segment()
            request(SUBMIT_SM, job.parts[index], (job, index), now_s)
        job.left -= count
        job.unanswered += count
        self._backlog.waiting -= count
        self._counters.submits += count

    def _give_up(self, job: Job, reason: str, now_s: float) -> None:
        job.ending = job.ending or reason
        self._backlog.drop(job)
        self._settle(job, now_s)
