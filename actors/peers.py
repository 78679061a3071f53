"""Other actors as a front calls them."""

from typing import Any, Final, Protocol

ASK_TIMEOUT_S: Final = 2.0  # a peer that does not answer so long is taken for absent


class PeerCalls(Protocol):
    """Any exception means: no answer."""

    async def lease(self, limiter: str, octets: bytes) -> bytes:
        """``Limiter.lease``."""
        ...

    async def status(self, carrier: str) -> dict[str, Any]:
        """``Carrier.status``."""
        ...

    async def shadow(self, dispatcher: str) -> dict[str, int]:
        """``Dispatcher.shadow``."""
        ...

    async def accounts(self, esme: str) -> dict[str, dict[str, int]]:
        """``Esme.accounts``."""
        ...

    async def snapshot(self, actor: str) -> bytes:
        """Any actor's metrics."""
        ...
