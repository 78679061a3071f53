"""The journal in memory: the port's semantics without a server, for simulations and for tests. Nothing in it outlives the process."""

from router.journal.memory.aside import Aside
from router.journal.memory.copies import Copies
from router.journal.memory.dispatch import Dispatch
from router.journal.memory.intake import Reception
from router.journal.memory.notices import Notices
from router.journal.memory.parts import Parts
from router.journal.memory.reading import Reading
from router.journal.memory.shelf import Shelf

__all__ = ["MemoryJournal"]


class MemoryJournal(Reception, Parts, Dispatch, Aside, Copies, Notices, Reading, Shelf):
    """The port, in memory: ``MemoryJournal(clock_ms, on_wake)``. Each call is atomic; none of them ever waits."""
