"""What a brain tells the others, and what it knows of them: the newest part of each, kept as octets until somebody publishes a board of it."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

import msgpack

from actors.names import MOST_BRAINS, brain_actor, brain_index
from router.brain.parts import FORGET_S, Tenants
from router.brain.snapshot import UnreadableSnapshot, unpack_state
from router.brain.state import BrainState

log = logging.getLogger("trunkline.brain")

PART_VERSION: Final = 1
SILENT_S: Final = 2.0  # four tellings missed: the next brain publishes in its place


class BrainCalls(Protocol):
    """The other brains as one of them calls them."""

    async def part(self, brain: str, octets: bytes) -> bytes:
        """``Brain.part``; any exception means: no answer."""
        ...


class Part(NamedTuple):
    """What one brain knows, as it told it. ``stamp``: its incarnation's start and the telling's number, which only grow."""

    stamp: tuple[int, int]
    heard_s: float  # wall clock
    state: bytes


class Told(NamedTuple):
    """The answer to a part: what only the one who has all parts can tell."""

    board: int  # the newest version there
    tenants: Tenants


def pack_part(index: int, stamp: tuple[int, int], board: int, *, urgent: bool, state: bytes) -> bytes:
    """A telling. Without a state it says only that the brain is alive and nothing is new."""
    packed: bytes = msgpack.packb([PART_VERSION, index, stamp, board, urgent, state])
    return packed


def pack_told(told: Told) -> bytes:
    """An answer to octets."""
    packed: bytes = msgpack.packb([told.board, dict(told.tenants.reporters), dict(told.tenants.silenced)])
    return packed


def unpack_told(octets: bytes) -> Told:
    """Octets to an answer."""
    board, reporters, silenced, *_ = msgpack.unpackb(octets)
    return Told(board, Tenants(reporters, silenced))


class Peers:
    """Owns what was heard of the other brains. May forget it: they tell it again within half a second."""

    def __init__(self, name: str, calls: BrainCalls, started_ns: int) -> None:
        self.index = brain_index(name)
        self.count = 1
        self.board = 0  # the newest version that anybody told of
        self._calls = calls
        self._started_ns = started_ns
        self._told = 0
        self._parts: dict[int, Part] = {}
        self._alive_s: dict[int, float] = {}  # when each was heard of last, by this incarnation's ears
        self._states: dict[int, tuple[tuple[int, int], BrainState]] = {}  # unpacked, by the stamp of what it was made of
        self._telling: dict[int, asyncio.Task[None]] = {}
        self._heeded: list[Told] = []

    @property
    def alone(self) -> bool:
        """Whether there is no other part, of a brain that runs or of one that did."""
        return self.count == 1 and not self._parts

    def recall(self, index: int, snapshot: bytes, now_s: float) -> None:
        """What another brain kept in the journal, until it tells something newer."""
        try:
            state = unpack_state(snapshot)
        except UnreadableSnapshot as error:
            log.warning("brain.no_part of=%s reason=%s", brain_actor(index), error)
            return
        if now_s - state.ledger.at_s < FORGET_S and index not in self._parts:
            self._parts[index] = Part((0, 0), state.ledger.at_s, snapshot)
            self._states[index] = (0, 0), state
            self.board = max(self.board, state.version)

    def hear(self, octets: bytes, now_s: float) -> tuple[bool, bool]:
        """Another brain tells its part; whether there is anything new, and whether that is urgent."""
        version, index, stamp, board, urgent, state, *_ = msgpack.unpackb(octets)
        if version != PART_VERSION or index == self.index or not 0 <= index < MOST_BRAINS:
            return False, False
        known = self._parts.get(index)
        stamp = (int(stamp[0]), int(stamp[1]))
        if known is not None and stamp <= known.stamp:
            return False, False  # overtaken on the way
        self.board = max(self.board, board)
        self._alive_s[index] = now_s
        if state:
            self._parts[index] = Part(stamp, now_s, state)
        elif known is not None:
            self._parts[index] = known._replace(heard_s=now_s)  # what it said last still holds
        return bool(state), bool(urgent)

    def leads(self, now_s: float) -> bool:
        """Whether it is this brain that publishes: the first of those that are heard of. One that has just begun listens first."""
        if now_s - self._started_ns / 1e9 < SILENT_S and len(self._alive_s) < self.count - 1:
            return False
        return not any(
            index < min(self.index, self.count) and now_s - alive_s < SILENT_S for index, alive_s in self._alive_s.items()
        )

    def heard_s(self) -> dict[str, float]:
        """When each of the other brains was heard of last, by name; those that do not run any more are left out."""
        return {brain_actor(index): part.heard_s for index, part in sorted(self._parts.items()) if index < self.count}

    def heard(self, now_s: float) -> Mapping[str, float]:
        """How many seconds ago that was."""
        return {name: max(now_s - heard_s, 0.0) for name, heard_s in self.heard_s().items()}

    def states(self, now_s: float) -> dict[int, BrainState]:
        """The others' parts, unpacked. Parts that are not worth anything any more are dropped."""
        for index, part in list(self._parts.items()):
            if now_s - part.heard_s >= FORGET_S:
                del self._parts[index]
                self._states.pop(index, None)
                continue
            found = self._states.get(index)
            if found is None or (part.state and found[0] != part.stamp):
                try:
                    self._states[index] = part.stamp, unpack_state(part.state)
                except UnreadableSnapshot as error:  # of another release, during an upgrade
                    log.warning("brain.no_part of=%s reason=%s", brain_actor(index), error)
        return {index: state for index, (_, state) in self._states.items()}

    def tell(self, board: int, state: bytes = b"", *, urgent: bool = False) -> None:
        """Tell all others; one that has not answered yet is left out this time."""
        self._told += 1
        octets = pack_part(self.index, (self._started_ns, self._told), board, urgent=urgent, state=state)
        for index in range(self.count):
            if index == self.index or index in self._telling:
                continue
            task = asyncio.get_running_loop().create_task(self._tell(brain_actor(index), octets))
            self._telling[index] = task
            task.add_done_callback(partial(self._answered, index))

    def answers(self) -> list[Told]:
        """What the others answered since the last call."""
        heeded, self._heeded = self._heeded, []
        return heeded

    def _answered(self, index: int, _: object) -> None:
        self._telling.pop(index, None)

    async def _tell(self, brain: str, octets: bytes) -> None:
        try:
            answer = await asyncio.wait_for(self._calls.part(brain, octets), SILENT_S)
        except Exception as error:
            log.info("brain.peer_silent brain=%s error=%s", brain, type(error).__name__)
            return
        if answer:
            told = unpack_told(answer)
            self.board = max(self.board, told.board)
            self._heeded.append(told)

    def status(self, now_s: float) -> dict[str, Any]:
        """For ``ping``."""
        return {"parts": {name: round(age_s, 1) for name, age_s in self.heard(now_s).items()}} if self.count > 1 else {}
