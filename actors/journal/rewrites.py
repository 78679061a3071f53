"""When the embedded server writes its append-only file afresh: often enough to be back soon after any end, and seldom enough to cost little.

What was written since the last time is loaded command by command, the rest as it lies in memory. Measured while a system ran on the same two cores
at 500 messages a second: 20 MB a second the one, 250 the other. Left to itself the server writes the file afresh when it has doubled.
"""

import contextlib
import logging
import os
import time
from collections.abc import Mapping
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from actors.journal.server import EmbeddedServer
from actors.processes import descendants

log = logging.getLogger("trunkline.journal")

INCREMENT: Final = 16 << 20  # octets of commands that are not worth it yet: 0.8 s
RESTS: Final = 20  # times what it took, between two of them: 5 % of a core at most
TIMEOUT_S: Final = 2.0
NICENESS: Final = 19  # the last that there is


def is_due(info: Mapping[str, int], since_s: float) -> bool:
    """``info``: the server's section ``persistence``; ``since_s``: since the file was written afresh."""
    if info["aof_rewrite_in_progress"] or info.get("aof_rewrite_scheduled"):
        return False
    took_s = info["aof_last_rewrite_time_sec"] + 1  # whole seconds, -1 before the first
    return info["aof_current_size"] - info["aof_base_size"] >= INCREMENT and since_s >= RESTS * took_s


class Rewrites:
    """Owns a connection to the server. May forget everything: when the file was written afresh is told by the file."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._client = Redis(unix_socket_path=str(server.socket_path), socket_timeout=TIMEOUT_S)

    async def look(self) -> bool:
        """Ask how the file has grown, and have it written afresh when that is due. A server that does not answer is left alone."""
        try:
            info = await self._client.info("persistence")
            if info["aof_rewrite_in_progress"]:
                self._step_aside()
            if not is_due(info, self._since_s()):
                return False
            await self._client.bgrewriteaof()
            self._step_aside()
        except (RedisError, OSError, KeyError) as error:
            log.debug("journal.rewrite_not_asked error=%s", type(error).__name__)
            return False
        return True

    def _step_aside(self) -> None:
        """Have the server's child, which writes, take only what the messages leave of the cores."""
        if server := self._server.pid():
            for writer in descendants(server):
                with contextlib.suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, writer, NICENESS)

    def _since_s(self) -> float:
        """Seconds since then. A clock that was set makes one rewrite early, or leaves the next to the server."""
        written = [path.stat().st_mtime for path in (self._server.folder / "data").glob("*/*.base.*")]
        return abs(time.time() - max(written)) if written else 0.0

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.aclose()
