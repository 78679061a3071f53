"""How carriers tell the brain what they saw: fire and forget. A lost batch costs the brain a moment's learning, nothing else."""

from collections.abc import Sequence
from typing import Protocol

from router.brain.port import Observation


class BrainCall(Protocol):
    """The brain as carriers call it."""

    def observe(self, batch: Sequence[Observation]) -> None:
        """Tell, and do not wait; never raises."""
        ...
