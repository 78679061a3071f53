"""Who plays: the simulation knows of processes that call each other, and nothing of what is in them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from router.settings import Settings
from sims.swarm.node import Node

Calls = Callable[..., Awaitable[Any]]
"""actor, method, arguments → what the method returned; raises when there is no answer."""


class Cast(Protocol):
    """Puts the real processes on the stage."""

    def roles(self, settings: Settings) -> Sequence[str]:
        """Every process that should run, by name: kind, colon, what tells it from others, "#", a number."""
        ...

    def play(self, role: str, node: Node, calls: Calls) -> Any:
        """Start a process's work on this machine, in whose context this is called; what others may call methods of."""
        ...

    def initial(self, settings: Settings) -> Sequence[tuple[str, bytes]]:
        """Named values that the journal holds before anything runs."""
        ...
