"""When a dispatcher's next turn begins."""

import asyncio
from typing import Final

from actors import machine
from actors.waiting import woken

# Between turns of few messages: a turn makes a Ray call a carrier, of which an actor takes some 1,100 a second. The pause follows what a turn takes,
# which grows when cores are short.
PAUSES: Final = 4
PAUSE_MAX_S: Final = 0.016
ENOUGH: Final = 64  # messages that need no company
FEW: Final = 1  # one-time codes of the last turn: more of them keep each other company already


OTHERS_PAUSE_MAX_S: Final = 0.02  # a lane holds a quarter of a second of its speed


class Spacing:
    """Keeps plans for what is no code apart, four times as long as they take: a fifth of a core at most, and the more fit into each.

    Beside a campaign, or with more than the carriers can take, one takes 3 ms and up; every wake call, answer and code asked for one.
    """

    def __init__(self) -> None:
        self.due_s = 0.0
        self.took_s = 0.0  # the plan of this turn; a code's next turn need not wait for that

    def after(self, began_s: float, ended_s: float) -> None:
        """One was made."""
        self.took_s = ended_s - began_s
        self.due_s = ended_s + min(OTHERS_PAUSE_MAX_S, PAUSES * self.took_s)


class Pace:
    """Keeps turns of few messages apart. A one-time code that comes alone cuts a pause short, to a quarter.

    Without it a code would wait out the pauses between turns of a campaign: 16 ms beside some 10 ms from an idle front to the carrier.
    """

    def __init__(self) -> None:
        self._hurry = asyncio.Event()
        self._ended_s = self._took_s = 0.0
        self._codes = 0

    def hurry(self) -> None:
        """A one-time code has been queued."""
        self._hurry.set()

    async def before(self, size: int, others_due_s: float = 0.0) -> None:
        """Wait for company when a turn of ``size`` messages is near the last one, and, unless a code comes, until others are due."""
        pause_s = min(PAUSE_MAX_S, PAUSES * self._took_s)
        least_s = pause_s / PAUSES if self._codes <= FEW else pause_s
        if size < ENOUGH:
            if (left_s := self._ended_s + least_s - machine.monotonic()) > 0:
                await asyncio.sleep(left_s)
            if (left_s := self._ended_s + pause_s - machine.monotonic()) > 0:
                await woken(self._hurry, left_s)
        if (left_s := others_due_s - machine.monotonic()) > 0:
            await woken(self._hurry, left_s)
        self._hurry.clear()

    def after(self, took_s: float, codes: int) -> None:
        """A turn has ended, in which so many one-time codes were offered to carriers."""
        self._ended_s = machine.monotonic()
        self._took_s = took_s
        self._codes = codes
