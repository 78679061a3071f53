"""The webhook stage: a courier as it is, in this process, told of ends in batches; the endpoint is another process."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from actors.courier import Courier
from actors.shell import SETTINGS_VALUE, JournalAddress
from benchmarks.stages.lab import Cost, Lab, Spent, chunks, count_for
from benchmarks.stages.peer import beside
from benchmarks.world import NOWHERE
from router.config import dump_settings
from router.journal.port import Finish
from router.model import State
from router.record import EventKind, pack_event
from router.settings import Webhook
from router.webhooks import encode_secret

WITHIN_S: Final = 60.0
LOOK_S: Final = 0.004


class Hooks:
    """A courier, and where its events go."""

    def __init__(self, lab: Lab, courier: Courier, url: str) -> None:
        self.lab = lab
        self.url = url
        self._courier = courier

    @classmethod
    @asynccontextmanager
    async def opened(cls, lab: Lab) -> AsyncIterator["Hooks"]:
        """One for a block of code."""
        peer = beside("hook")
        try:
            assert peer.stdout is not None  # noqa: S101 (asked for above)
            url = (await asyncio.to_thread(peer.stdout.readline)).decode().strip()
            webhook = Webhook(url=NOWHERE, secrets=(encode_secret(bytes(range(32))),))
            lab.tenant = msgspec.structs.replace(lab.tenant, webhook=webhook)
            lab.settings = msgspec.structs.replace(lab.settings, tenants=(lab.tenant,))
            await lab.journal.put_value(SETTINGS_VALUE, dump_settings(lab.settings))
            courier = Courier("courier:#0", JournalAddress(lab.server.url, keys=str(lab.folder / "keys")), 0)
            async with asyncio.timeout(WITHIN_S):
                await courier.started.wait()
            yield cls(lab, courier, url)
            await courier.stop()
            await courier._sender.close()
            await courier.journal.close()
            for task in list(courier._tasks):
                task.cancel()
        finally:
            peer.terminate()
            await asyncio.to_thread(peer.communicate)

    @property
    def delivered(self) -> int:
        """Events that the endpoint has taken."""
        return int(self._courier.metrics.counter("trunkline_webhooks", "delivered").value)


async def webhook(lab: Lab, hooks: Hooks, batch: int, finished: Cost) -> Cost:
    """From the end of messages to their events delivered and settled. ``finished``: what the ending alone costs, which is no part of it."""
    claimed = await lab.claimed(min(count_for(batch), 2_000), hooks.url)
    before, had = await lab.spent(), hooks.delivered
    async with asyncio.timeout(WITHIN_S):
        for number, some in enumerate(chunks(claimed, batch), 1):
            event = pack_event(time.time_ns() // 1_000_000, EventKind.FINAL, int(State.REJECTED), "no_route", True, "")
            await lab.journal.finish("", [Finish(one.id, State.REJECTED, event, one.attempts) for one in some], lab.lease)
            while hooks.delivered < had + min(len(claimed), number * batch):
                await asyncio.sleep(LOOK_S)
    whole = await lab.cost("webhook", batch, len(claimed), Spent(*before))
    own_us, journal_us = whole.own_us - finished.own_us, whole.journal_us - finished.journal_us
    return whole._replace(own_us=round(max(0.0, own_us), 1), journal_us=round(max(0.0, journal_us), 1))
