"""The SMPP server as an actor."""

from actors import esme as plain
from actors.calls import Calls, RayPeers
from actors.leaves.leaf import Leaf
from actors.shell import JournalAddress


class Esme(Leaf):
    """See ``actors.esme``."""

    def __init__(self, name: str, address: JournalAddress, index: int) -> None:
        calls = Calls()
        self._esme = plain.Esme(name, address, index, RayPeers(calls))
        calls.count_in(self._esme.metrics)
        super().__init__(self._esme)

    async def accounts(self) -> dict[str, dict[str, int]]:
        """See ``actors.esme``."""
        return await self._esme.accounts()
