"""Calls between processes, as a cluster carries them: late, answered or not, and never repeated by it."""

import asyncio
import contextvars
from collections.abc import Callable
from random import Random
from typing import Any, Final

from sims.swarm.loop import VirtualLoop
from sims.swarm.node import Node

LATENCY_S: Final = (0.0005, 0.005)
NOTICED_S: Final = (0.02, 0.4)  # until a caller hears that the other process has died


class NoAnswer(Exception):
    """What became of the call is not known."""


class Exchange:
    """All calls under way."""

    def __init__(self, loop: VirtualLoop, rng: Random, who: Callable[[str], Node | None]) -> None:
        """``who`` plays a role now."""
        self._loop = loop
        self._rng = rng
        self._who = who
        self.lost = 0.0  # share of the calls that fail, half of them after they were carried out
        self._open: dict[asyncio.Future[Any], tuple[Node, contextvars.Context]] = {}

    async def call(self, role: str, method: str, *arguments: Any) -> Any:
        """Call a method of an actor; raises what it raises, or ``NoAnswer``."""
        loop, rng = self._loop, self._rng
        reply: asyncio.Future[Any] = loop.create_future()
        mine = contextvars.copy_context()
        node = self._who(role)
        fails = rng.random() < self.lost
        if node is None or not node.alive or (fails and rng.random() < 0.5):
            loop.call_later(rng.uniform(*NOTICED_S), _fail, reply, context=mine)
            return await reply
        self._open[reply] = node, mine

        def ended(task: asyncio.Task[Any]) -> None:
            if self._open.pop(reply, None) is None:
                return
            wait_s = rng.uniform(*(NOTICED_S if fails else LATENCY_S))
            if fails or task.cancelled() or isinstance(task.exception(), BaseException):
                loop.call_later(wait_s, _fail, reply, context=mine)
            else:
                loop.call_later(wait_s, _settle, reply, task.result(), context=mine)

        def begin() -> None:
            if node.actor is None:
                _fail(reply)  # it has been started, and no more
                return
            loop.create_task(getattr(node.actor, method)(*arguments)).add_done_callback(ended)

        loop.call_later(rng.uniform(*LATENCY_S), begin, context=node.context)
        return await reply

    def process_ended(self, node: Node) -> None:
        """Nobody there will answer any more."""
        for reply in [reply for reply, (who, _) in self._open.items() if who is node]:
            _, caller = self._open.pop(reply)
            self._loop.call_later(self._rng.uniform(*NOTICED_S), _fail, reply, context=caller)


def _fail(reply: asyncio.Future[Any]) -> None:
    if not reply.done():
        reply.set_exception(NoAnswer("no answer"))


def _settle(reply: asyncio.Future[Any], result: Any) -> None:
    if not reply.done():
        reply.set_result(result)
