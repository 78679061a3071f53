"""What an actor gets from the machine that its process runs on: clocks, chance, the journal's address, and an end.

Everything of the kind goes through here, so that a simulator can be the machine: whoever runs actors in a context of their own says so
with ``run_on``, and all that they start inherits it. Without that it is the real one.
"""

import gc
import os
import random
import time as _time
from contextvars import ContextVar
from typing import Any, Final, NoReturn, Protocol

import numpy as np

from actors import incarnation as _incarnation

GC_THRESHOLD: Final = 50_000  # batches make many short-lived objects, and hardly any of them in cycles; a choice, not measured


class Machine(Protocol):
    """A machine with one process on it."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def time_ns(self) -> int:
        """Nanoseconds since 1970, by this machine's clock."""
        ...

    def urandom(self, octets: int) -> bytes:
        """So many unpredictable octets."""
        ...

    def exit(self, code: int) -> NoReturn:
        """End this process, now and without a farewell."""
        ...

    def incarnation(self) -> str:
        """This process, as ``actors.incarnation`` names it."""
        ...

    def surely_dead(self, incarnation: str) -> bool:
        """Whether that process can be seen not to run any more."""
        ...

    def settle(self) -> None:
        """Start-up is over."""
        ...

    def backend(self, kind: str) -> Any | None:
        """A replacement for what actors connect to: "journal", "wake", "webhooks". None: the real one."""
        ...


class _Real:
    """The machine below us."""

    monotonic = staticmethod(_time.monotonic)
    time_ns = staticmethod(_time.time_ns)
    urandom = staticmethod(os.urandom)
    exit = staticmethod(os._exit)
    incarnation = staticmethod(_incarnation.incarnation)
    surely_dead = staticmethod(_incarnation.surely_dead)

    @staticmethod
    def settle() -> None:
        """Settle what start-up allocated, and collect less often."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 20, 20)

    @staticmethod
    def backend(kind: str) -> None:
        """Everything is real."""


_REAL: Final[Machine] = _Real()
_machine: ContextVar[Machine] = ContextVar("machine", default=_REAL)


def run_on(machine: Machine) -> None:
    """From now on, what this context does happens on that machine."""
    _machine.set(machine)


def monotonic() -> float:
    """Seconds that never go back."""
    return _machine.get().monotonic()


def time() -> float:
    """Seconds since 1970."""
    return _machine.get().time_ns() / 1e9


def time_ns() -> int:
    """Nanoseconds since 1970."""
    return _machine.get().time_ns()


def now_ms() -> int:
    """Milliseconds since 1970."""
    return _machine.get().time_ns() // 1_000_000


def urandom(octets: int) -> bytes:
    """So many unpredictable octets."""
    return _machine.get().urandom(octets)


def dice() -> random.Random:
    """A generator of its own for jitter and the tails of ids; no secrets."""
    return random.Random(urandom(16))  # noqa: S311 (see above)


def generator() -> np.random.Generator:
    """The same of numpy."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(urandom(16), "big")))


def end(code: int) -> NoReturn:
    """End this process."""
    _machine.get().exit(code)


def incarnation() -> str:
    """This process."""
    return _machine.get().incarnation()


def surely_dead(other: str) -> bool:
    """Whether that process can be seen not to run any more."""
    return _machine.get().surely_dead(other)


def settle() -> None:
    """Start-up is over: what it allocated stays."""
    _machine.get().settle()


def backend(kind: str) -> Any | None:
    """What stands in for the real journal, its wake calls or the webhooks' sender here; None: nothing does."""
    return _machine.get().backend(kind)
