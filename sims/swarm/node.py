"""A process on a machine of its own, as far as it can tell: clocks, chance, and an end."""

import asyncio
import contextvars
from collections.abc import Callable
from random import Random
from typing import Any, Final, NoReturn

from sims.swarm.loop import PROCESS, VirtualLoop

EPOCH_NS: Final = 1_800_000_000 * 1_000_000_000  # when the simulation begins, by clocks that are right


class Gone(BaseException):
    """This process has ended itself. Not an ``Exception``: nothing in it may go on."""


class Node:
    """One incarnation of one role. It is the machine that the actor in it runs on."""

    def __init__(
        self,
        role: str,
        number: int,
        loop: VirtualLoop,
        rng: Random,
        *,
        backend: Callable[["Node", str], Any],
        knows_dead: Callable[[str], bool],
        on_exit: Callable[["Node", int], None],
    ) -> None:
        """``number`` grows over all incarnations of all roles; ``rng`` is this node's alone."""
        self.role = role
        self.name = f"{role}/{number}"
        self.alive = True
        self.stopped = False
        self.parked: list[asyncio.Handle] = []
        self.skew_ns = 0  # how far its wall clock is off
        self.context = contextvars.copy_context()
        self.context.run(PROCESS.set, self)
        self.actor: Any = None
        self.rng = rng
        self._loop = loop
        self._backend = backend
        self._knows_dead = knows_dead
        self._on_exit = on_exit

    def monotonic(self) -> float:
        """The loop's time: it goes on while a process is stopped."""
        return self._loop.time()

    def time_ns(self) -> int:
        """What its clock shows."""
        return EPOCH_NS + round(self._loop.time() * 1e9) + self.skew_ns

    def urandom(self, octets: int) -> bytes:
        """Octets that only the seed can predict."""
        return self.rng.randbytes(octets)

    def exit(self, code: int) -> NoReturn:
        """The end of the process, as it wished."""
        if self.alive:
            self._on_exit(self, code)
        raise Gone

    def incarnation(self) -> str:
        """Its name: no two incarnations share it."""
        return self.name

    def surely_dead(self, incarnation: str) -> bool:
        """Whether it can be seen from here that another one is."""
        return self._knows_dead(incarnation)

    def settle(self) -> None:
        """The memory of one process is not simulated."""

    def backend(self, kind: str) -> Any:
        """Its connections."""
        return self._backend(self, kind)
