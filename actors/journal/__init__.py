"""The journal on Redis, and the server that comes with it."""

from actors.journal.journal import RedisJournal
from actors.journal.server import EmbeddedServer
from actors.journal.wake import RedisWake

__all__ = ["EmbeddedServer", "RedisJournal", "RedisWake"]
