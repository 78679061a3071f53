"""What the system asks of a journal about records that it cannot read: written by a later release, and met by an earlier one.

They are set aside, in the place ``dead``: no release ends a message because it does not understand it. The first dispatcher of a release
that can read them takes them up again.
"""

from collections.abc import Sequence
from typing import Protocol

from router.ids import MessageId
from router.journal.items import Lease


class Aside(Protocol):
    """A part of ``router.journal.port.Journal``."""

    async def set_aside(self, ids: Sequence[MessageId], lease: Lease | None = None) -> int:
        """From the claimed set aside; how many. With a ``lease`` only where that still holds."""
        ...

    async def take_up(self, partitions: Sequence[int], limit: int) -> int:
        """What stands aside and has a head that can be read goes on where it was, up to ``limit`` a partition; how many.

        A message that was in flight is UNKNOWN from then on. One whose body cannot be read is set aside again by whoever claims it.
        """
        ...

    async def aside(self, partitions: Sequence[int]) -> int:
        """How many stand aside."""
        ...
