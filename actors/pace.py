"""When a dispatcher's next turn begins."""

import asyncio
from math import exp
from typing import Final

from actors import machine
from actors.waiting import woken

# Between turns of few messages: a turn makes a Ray call a carrier, of which an actor takes some 1,100 a second. The pause follows what a turn takes,
# which grows when cores are short.
PAUSES: Final = 4
PAUSE_MAX_S: Final = 0.032
ENOUGH: Final = 64  # messages that need no company
# One-time codes of late: so many keep each other company, and wait out whole pauses; fewer wait for as much less.
COMPANY_MPS: Final = 400.0
LATE_S: Final = 1.0
OTHERS_PAUSE_MAX_S: Final = 0.032
# With a crowd in hand lanes are full, and a lane holds a quarter of a second of its speed.
CROWD_PAUSES: Final = 12
CROWD_PAUSE_MAX_S: Final = 0.05


class Spacing:
    """Keeps plans for what is no code apart, four times as long as they take: a fifth of a core at most, and the more fit into each.

    Beside a campaign, or with more than the carriers can take, one takes 3 ms and up; every wake call, answer and code asked for one,
    and a code that came meanwhile waits for its end. With such a crowd they are twelve times as long apart.
    """

    def __init__(self) -> None:
        self.due_s = 0.0
        self.took_s = 0.0  # the plan of this turn; a code's next turn need not wait for that
        self._gave_way = False

    def after(self, began_s: float, ended_s: float, *, crowd: bool) -> None:
        """One was made; ``crowd``: of more than there was room for."""
        self._gave_way = False
        self.took_s = ended_s - began_s
        most_s, pauses = (CROWD_PAUSE_MAX_S, CROWD_PAUSES) if crowd else (OTHERS_PAUSE_MAX_S, PAUSES)
        self.due_s = ended_s + min(most_s, pauses * self.took_s)

    def gives_way(self, *, codes: bool) -> bool:
        """Whether the plan that is due is left to the next turn, because codes have come meanwhile: once, then it is made."""
        if not codes or self._gave_way:
            return False
        self._gave_way = True
        return True


class Pace:
    """Keeps turns of few messages apart. A one-time code cuts a pause short, the more so the fewer of them come.

    Without it a code would wait out the pauses between turns of a campaign: 16 ms beside some 10 ms from an idle front to the carrier.
    """

    def __init__(self) -> None:
        self._hurry = asyncio.Event()
        self._ended_s = self._took_s = 0.0
        self._codes_mps = 0.0  # of late

    def hurry(self) -> None:
        """A one-time code has been queued."""
        self._hurry.set()

    async def before(self, size: int, others_due_s: float = 0.0) -> None:
        """Wait for company when a turn of ``size`` messages is near the last one, and, unless a code comes, until others are due."""
        pause_s = min(PAUSE_MAX_S, PAUSES * self._took_s)
        least_s = pause_s * min(1.0, self._codes_mps / COMPANY_MPS)
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
        now_s = machine.monotonic()
        self._codes_mps = self._codes_mps * exp((self._ended_s - now_s) / LATE_S) + codes / LATE_S
        self._ended_s = now_s
        self._took_s = took_s
