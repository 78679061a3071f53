"""How waiting ends early: who is told when there is work. A lost call costs latency only; everyone polls as well."""

from collections.abc import AsyncIterator
from typing import Protocol

QUEUE_TOPIC = "queue"  # payload: the partition's number, as text
URGENT_TOPIC = (
    "urgent"  # payload: the partition's number, as text; one-time codes were accepted there, which QUEUE_TOPIC tells as well
)
NOTICE_TOPIC = "notice"  # payload: the partition's number, as text
CHANNEL_TOPIC = "channel"  # payload: the partition's number, a colon, an account's system_id: there is something to deliver to it
VALUE_TOPIC = "value"  # payload: the name of a value that changed


class Wake(Protocol):
    """A stream of (topic, payload) for the topics asked for."""

    def listen(self, *topics: str) -> AsyncIterator[tuple[str, str]]:
        """Yield wake calls as they come, for ever; reconnects by itself."""
        ...
