"""The supervisor as an actor."""

from typing import Any

from actors import supervisor as plain
from actors.calls import Calls
from actors.leaves.leaf import Leaf
from actors.runtime import RayFleet
from actors.shell import JournalAddress


class Supervisor(Leaf):
    """See ``actors.supervisor``."""

    def __init__(self, name: str, address: JournalAddress) -> None:
        self._supervisor = plain.Supervisor(name, address, RayFleet(Calls(), address))
        super().__init__(self._supervisor)

    async def overview(self) -> list[dict[str, Any]]:
        """See ``actors.supervisor``."""
        return await self._supervisor.overview()

    async def upgrade(self) -> None:
        """See ``actors.supervisor``."""
        await self._supervisor.upgrade()

    async def progress(self) -> tuple[list[str], bool, str]:
        """See ``actors.supervisor``; in plain types, which Ray can hand to whoever asks."""
        lines, over, failed = await self._supervisor.progress()
        return list(lines), over, failed

    async def shut_down(self, within_s: float) -> None:
        """See ``actors.supervisor``."""
        await self._supervisor.shut_down(within_s)
