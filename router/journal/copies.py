"""What the system asks of a journal about second copies: messages sent again while nothing is known of the first attempt.

A message is copied at most once, while it is SENT and of one segment, and stays where it waits for a receipt: there is always one
horizon, and whoever dies in between leaves a message that waits for its first copy. ``assign_copies`` counts one attempt more and notes it
before the copy leaves; it is fenced like ``assign``. The first positive receipt of either copy ends the message. A negative one of either
does not while the other may still arrive: the one that fails last does.
"""

from collections.abc import Sequence
from typing import Protocol

from router.ids import MessageId
from router.journal.items import Assign, Claimed, CopyEnd


class Copies(Protocol):
    """A part of ``router.journal.port.Journal``."""

    async def overdue(self, partitions: Sequence[int], limit: int, again_s: float) -> tuple[list[Claimed], bool]:
        """SENT messages without a copy whose ``Submitted.look_ms`` has come, and whether there may be more. Nothing is claimed: they stay SENT.

        Looks at up to ``limit``, of which those that have ended are forgotten. Each is named again after ``again_s``, unless ``put_off`` says otherwise, a copy is made, or it ends.
        """
        ...

    async def put_off(self, items: Sequence[tuple[MessageId, int]]) -> None:
        """When ``overdue`` is to name these again (absolute ms); 0: never. Those that it would not name stay so."""
        ...

    async def assign_copies(self, owner: str, epoch: int, items: Sequence[Assign]) -> list[bool]:
        """SENT without a copy → SENT with one, at ``owner``. False: it is not ours to send. Raises ``Fenced`` as ``assign`` does."""
        ...

    async def copies_ended(self, items: Sequence[CopyEnd]) -> list[bool]:
        """Note what became of copies; returns which messages ended with it."""
        ...
