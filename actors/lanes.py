"""A dispatcher's view of the carriers: how much each can take now, and the offers under way."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from math import ceil
from typing import Final, Protocol

from actors.wire import Lane, Offered, Reply
from router.brain.breaker import LINK_DOWN, NEVER_S, OPEN
from router.brain.sight import Fuse
from router.ids import MessageId
from router.journal.port import Journal
from router.model import MessageClass

log = logging.getLogger("trunkline.dispatcher")

# How much of a lane each class may fill. The last tenth is there for one-time codes only: they overtake in the lane,
# and the reserve lets them in while a campaign keeps it full.
SHARE: Final = {MessageClass.OTP: 1.0, MessageClass.TRANSACTIONAL: 0.9, MessageClass.MARKETING: 0.75}
# Room for classes that can wait a moment counts from so much of the lane on: a lane of 130 segments a second takes a campaign by the
# handful of eight, and 24 of them wait there. A turn that plans for a campaign costs 3 ms, whether it finds room for one message or for fifty.
HANDFUL: Final = {MessageClass.OTP: 0.0, MessageClass.TRANSACTIONAL: 0.1, MessageClass.MARKETING: 0.25}
HANDFUL_MOST: Final = 64  # segments: more of them make a turn no cheaper
PIECES: Final = 2  # that a class's part of a lane is offered in: the end of one makes room while the other is being sent
WATCH_S: Final = 10.0  # a watch call returns at the latest after this; a change ends it at once
WATCH_RETRY_S: Final = 0.5


class CarrierCall(Protocol):
    """A carrier actor as a dispatcher calls it. Any exception means: what became of the call is not known."""

    async def offer(self, batch: Sequence[Offered]) -> Reply:
        """Have these sent; returns when each is assigned or handed back."""
        ...

    async def lane(self, version: int, wait_s: float) -> Lane:
        """The lane as soon as its version differs from ``version``, at the latest after ``wait_s``."""
        ...


class CarrierLane:
    """One carrier as seen from one dispatcher."""

    def __init__(self, name: str, call: CarrierCall, changed: Callable[[], None]) -> None:
        self.name = name
        self.call = call
        self.offered = 0  # segments of offers under way
        self.share = 1.0  # this dispatcher's part of the lane
        self._lane = Lane(version=-1, up=False, depth=0, reason="not heard of yet")
        self._changed = changed

    @property
    def up(self) -> bool:
        """Whether it takes messages now."""
        return self._lane.up

    @property
    def fuse(self) -> Fuse:
        """Its breaker, as its actor last told; open while it takes nothing."""
        lane = self._lane
        return Fuse(lane.breaker, lane.breaker_until_s, lane.fault) if lane.up else Fuse(OPEN, NEVER_S, lane.reason or LINK_DOWN)

    def room(self, klass: MessageClass) -> int:
        """Segments of this class that may be offered now; a few do not count, unless they are for one-time codes."""
        if not self._lane.up:
            return 0
        depth = self._lane.depth * self.share
        free = (
            max(1, int(depth * SHARE[klass])) - self.offered
        )  # one at least: of a slow lane each of many dispatchers has a small part
        return free if free > 0 and free >= min(int(depth * HANDFUL[klass]), HANDFUL_MOST) else 0

    @property
    def piece(self) -> int:
        """Messages an offer, at most: it ends when all of them are sent, and until then its room is taken."""
        return max(1, ceil(self._lane.depth * self.share * SHARE[MessageClass.MARKETING] / PIECES))

    def speed(self, klass: MessageClass) -> float:
        """Segments of this class a second for which it makes room; 0: not known. What other classes take of it is not counted."""
        return self._lane.speed * self.share * SHARE[klass] if self._lane.up else 0.0

    def heard(self, lane: Lane) -> None:
        """The carrier told how it is."""
        # Replies can overtake each other: an older version tells nothing new. A restarted carrier counts from its clock.
        if lane.version >= self._lane.version:
            self._lane = lane
            self._changed()

    async def watch(self) -> None:
        """Keep hearing of changes, for ever."""
        while True:
            try:
                self.heard(await self.call.lane(self._lane.version, WATCH_S))
            except Exception as error:
                if self._lane.up:
                    log.warning("dispatcher.carrier_gone carrier=%s error=%s", self.name, type(error).__name__)
                self._lane = self._lane._replace(up=False, reason="its actor does not answer")
                await asyncio.sleep(WATCH_RETRY_S)

    async def offer(self, batch: Sequence[Offered]) -> Reply | None:
        """Offer a batch; None: the call failed, and which of them were assigned is for the journal to tell."""
        segments = sum(item.segments for item in batch)
        self.offered += segments
        try:
            reply = await self.call.offer(batch)
        except Exception as error:
            log.warning("dispatcher.offer_lost carrier=%s messages=%d error=%s", self.name, len(batch), type(error).__name__)
            self._lane = self._lane._replace(up=False, reason="its actor does not answer")
            return None
        finally:
            self.offered -= segments
            self._changed()
        self.heard(reply.lane)
        return reply


async def not_taken(lane: CarrierLane, batch: Sequence[Offered], journal: Journal) -> set[MessageId]:
    """Offer a batch; which of it found no place. After a lost call the journal tells; raises ``JournalError`` when it cannot."""
    reply = await lane.offer(batch)
    if reply is not None:
        return {message_id for message_id, _ in reply.returned}
    held = await journal.still_claimed([offered.id for offered in batch])
    return {offered.id for offered, still in zip(batch, held, strict=True) if still}
