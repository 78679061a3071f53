"""What one partition holds, in memory: the same places that the Redis scripts keep."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import Final

from router.ids import MessageId, to_text
from router.journal.port import Intake
from router.model import TRANSITIONS, MessageClass, State

ALLOWED: Final = frozenset(TRANSITIONS)
WAITING: Final = frozenset({State.QUEUED, State.UNKNOWN})
CLOCK_MS: Final = 2_000  # a clock that is off by less has not been set


class Entry:
    """A record: body, where it stands in its life, and its history."""

    __slots__ = (
        "attempts",
        "body",
        "channel",
        "copied",
        "copy_failed",
        "delivered",
        "events",
        "first_failed",
        "keyed",
        "klass",
        "owner",
        "retention_s",
        "segments",
        "state",
        "tenant",
        "wants_events",
    )

    def __init__(self, item: Intake) -> None:
        self.state = State.SCHEDULED if item.due_ms else State.QUEUED
        self.klass = MessageClass(item.klass)
        self.tenant = item.tenant
        self.body = item.body
        self.events = b""
        self.attempts = 0
        self.segments = max(1, item.segments)
        self.delivered: set[int] = set()
        self.owner = ""
        self.wants_events = item.wants_events
        self.channel = item.channel
        self.keyed = bool(item.idempotency)
        self.retention_s = item.retention_s
        self.copied = False  # a second copy was made while the first was SENT
        self.first_failed = False  # of these two
        self.copy_failed = False

    def told(self) -> Sequence[str]:
        """The channels that hear of its end."""
        webhooks = ("",) if self.wants_events else ()
        return (*webhooks, self.channel) if self.channel else webhooks

    def tell(self, event: bytes) -> None:
        """Note an event once: a call made again finds its line there."""
        if event not in self.events:
            self.events += event


class Timers:
    """Members with a time, the soonest first (a ZSET): a dict for what holds, a heap for what is next."""

    __slots__ = ("_heap", "_seen_ms", "at")

    def __init__(self) -> None:
        self.at: dict[bytes, int] = {}
        self._heap: list[tuple[int, bytes]] = []
        self._seen_ms = 0  # what the clock said when it was looked at

    def add(self, member: bytes, at_ms: int) -> None:
        """Add or move a member."""
        self.at[member] = at_ms
        heappush(self._heap, (at_ms, member))
        if len(self._heap) > 2 * len(self.at) + 64:
            self._heap = [(when, member) for member, when in self.at.items()]
            heapify(self._heap)

    def drop(self, member: bytes) -> bool:
        """Take a member out, if it is in."""
        return self.at.pop(member, None) is not None

    def next(self) -> int:
        """The soonest time, 0 when empty."""
        heap, at = self._heap, self.at
        while heap and at.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else 0

    def take(self, now_ms: int, most: int) -> list[bytes]:
        """Take out members whose time has come, the soonest first."""
        taken: list[bytes] = []
        while len(taken) < most and self.at:
            soonest = self.next()
            if soonest > now_ms:
                break
            member = heappop(self._heap)[1]
            del self.at[member]
            taken.append(member)
        return taken

    def look_at_clock(self, now_ms: int, stays: Callable[[bytes], bool] = lambda _: False) -> None:
        """Have what is to come come sooner by as much as the clock has gone back since the last look, but for what ``stays``.

        What is timed by a clock that has gone ahead and comes back would else come as much too late.
        """
        if not self.at or abs(now_ms - self._seen_ms) < CLOCK_MS:
            return
        early_ms, self._seen_ms = self._seen_ms - now_ms, now_ms
        if early_ms > 0:
            for member, at_ms in list(self.at.items()):
                if at_ms >= now_ms and not stays(member):
                    self.add(member, max(now_ms, at_ms - early_ms))

    def __contains__(self, member: object) -> bool:
        return member in self.at

    def __len__(self) -> int:
        return len(self.at)


class Channel:
    """Notices for one kind of receiver, each named by the message's id and the octet of the state it ended in."""

    __slots__ = ("free", "tries")

    def __init__(self) -> None:
        self.free = Timers()  # when each may be handed out (again)
        self.tries: dict[bytes, int] = {}

    def settle(self, event: bytes) -> bool:
        """Forget a notice; whether it was there."""
        self.tries.pop(event, None)
        return self.free.drop(event)


class Gathering:
    """The parts of a long message: themselves until it is closed, then only what tells them from others."""

    __slots__ = ("began_ms", "id", "parts", "total", "until_ms")

    def __init__(self, message_id: MessageId, total: int, began_ms: int) -> None:
        self.id = message_id
        self.total = total
        self.began_ms = began_ms
        self.parts: dict[int, bytes] = {}
        self.until_ms = 0  # of a closed one: until when it is known

    def whole(self) -> tuple[bytes, ...]:
        """All parts in order, or nothing while one is missing."""
        numbers = range(1, self.total + 1)
        if len(self.parts) < self.total or any(number not in self.parts for number in numbers):
            return ()
        return tuple(self.parts[number] for number in numbers)


class Book:
    """A partition. Only the journal's parts touch it, and each of their calls leaves it consistent."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.records: dict[bytes, Entry] = {}
        self.lines: dict[tuple[MessageClass, str], deque[MessageId]] = {}
        self.rings: dict[MessageClass, deque[str]] = {klass: deque() for klass in MessageClass}
        self.claimed: dict[bytes, int] = {}
        self.flights: dict[str, dict[bytes, int]] = {}
        self.dead: dict[bytes, int] = {}  # set aside, and when
        self.due = Timers()
        self.wait = Timers()
        self.look = Timers()  # when to ask whether one that waits ought to be sent again
        self.ended: deque[tuple[MessageId, int]] = deque()
        self.kept = Timers()
        self.index: dict[str, dict[bytes, None]] = {}
        self.lease: tuple[str, int, int] | None = None  # owner, epoch, until
        self.epochs: dict[str, int] = {}  # of carrier owners that have adopted
        self.keys: dict[bytes, tuple[int, bytes]] = {}  # digest → time of first use, fingerprint
        self.channels: dict[str, Channel] = {}  # "": webhooks; else an SMPP account
        self.dead_notices: dict[bytes, int] = {}
        self.dead_tries: dict[bytes, int] = {}
        self.gatherings: dict[bytes, Gathering] = {}  # by group; by group and id when another one took the group's place
        self.accepted = 0
        self.finished = 0

    def line_up(self, ids: Iterable[MessageId], *, front: bool) -> None:
        """Ids to the end of their lines, or to the front with their order kept."""
        lanes: dict[tuple[MessageClass, str], list[MessageId]] = {}
        for message_id in ids:
            entry = self.records[message_id]
            lanes.setdefault((entry.klass, entry.tenant), []).append(message_id)
        for lane, some in lanes.items():
            line = self.lines.get(lane)
            if line is None:
                line = self.lines[lane] = deque()
                self.rings[lane[0]].append(lane[1])
            if front:
                line.extendleft(reversed(some))
            else:
                line.extend(some)

    def timed_by_sender(self, message_id: bytes) -> bool:
        """Whether it waits for the time that its sender named, which is not reckoned from any moment."""
        return self.records[message_id].state is State.SCHEDULED

    def give_back(self) -> None:
        """All that is claimed back to the front of its lines, oldest message first."""
        order = sorted(self.claimed)
        self.claimed.clear()
        self.line_up((MessageId(i) for i in order if self.records[i].state in WAITING), front=True)

    def pop_turns(self, klass: MessageClass, most: int) -> list[MessageId]:
        """Take ids of a class, tenants in turn."""
        ring = self.rings[klass]
        ids: list[MessageId] = []
        waiting = len(ring)
        while len(ids) < most and waiting > 0:
            share = -(-(most - len(ids)) // waiting)
            tenant = ring.popleft()
            line = self.lines[klass, tenant]
            ids.extend(line.popleft() for _ in range(min(share, len(line))))
            if line:
                ring.append(tenant)
            else:
                del self.lines[klass, tenant]
            waiting -= 1
            if waiting == 0 and len(ids) < most:
                waiting = len(ring)
        return ids

    def channel(self, name: str) -> Channel:
        """The notices of a channel."""
        found = self.channels.get(name)
        if found is None:
            found = self.channels[name] = Channel()
        return found

    def finish(self, now_ms: int, message_id: MessageId, entry: Entry, state: State) -> Sequence[str]:
        """End a message that has been taken out of its place; the channels in which a notice came of it."""
        entry.state = state
        self.finished += 1
        if entry.retention_s:
            self.kept.add(message_id, now_ms + entry.retention_s * 1000)
        else:
            self.ended.append((message_id, now_ms))
        told = entry.told()
        for name in told:
            self.channel(name).free.add(message_id + bytes((state,)), now_ms)
        return told

    def places(self, message_id: MessageId) -> list[str]:
        """Everywhere that a message stands; dear, the lines are searched."""
        entry = self.records.get(message_id)
        found = [
            name
            for name, place in (("claimed", self.claimed), ("due", self.due), ("wait", self.wait), ("dead", self.dead))
            if message_id in place
        ]
        found += [f"inflight:{owner}" for owner, flight in self.flights.items() if message_id in flight]
        if entry is not None:
            if entry.state in WAITING:
                found += ["queue"] * self.lines.get((entry.klass, entry.tenant), deque()).count(message_id)
            if entry.state.final:
                found.append("final")
        return found

    def text(self, message_id: bytes) -> str:
        """A message's name in a fault."""
        return f"p{self.partition:02d} {to_text(message_id)}"
