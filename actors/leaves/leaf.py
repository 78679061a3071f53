"""What all actors answer to."""

from typing import Any

from actors.logs import set_up_logging
from actors.shell import Shell


class Leaf:
    """An actor as Ray sees it: the calls from outside, handed on to the plain object that does the work.

    Handed on rather than inherited, because Ray wraps every method of an actor's class, those called from inside too:
    measured 0.2 µs a call, and it clutters every trace.
    """

    def __init__(self, plain: Shell) -> None:
        set_up_logging(plain.name)
        self._plain = plain

    def __repr__(self) -> str:
        return repr(self._plain)

    async def ping(self) -> dict[str, Any]:
        """See ``Shell.ping``."""
        return await self._plain.ping()

    async def snapshot(self) -> bytes:
        """See ``Shell.snapshot``."""
        return await self._plain.snapshot()

    async def stop(self, within_s: float = 5.0) -> None:
        """See ``Shell.stop``."""
        await self._plain.stop(within_s)
