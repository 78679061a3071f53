"""Very many messages into a journal, as a front would put them there, without the front: settled, encrypted, accepted by its scripts."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from actors.journal import RedisJournal
from actors.journal.keyring import Keyring
from actors.journal.vault import Vault
from router.api.http import MSGPACK
from router.api.items import read_items
from router.ids import ENTROPY_OCTETS, PARTITIONS, make_id
from router.intake import seal, settle
from router.journal.port import Intake
from router.message import MessageIn
from router.record import Body
from router.settings import Settings, Tenant
from router.terms import Terms
from sims.load.corpus import Corpus
from sims.load.options import LoadOptions

RUN: Final = 100  # messages that share a partition and a script call, as in the batch API
CALLS: Final = 4  # under way at once
BLOCK: Final = 500
FIRST: Final = 60_000_000  # the number before that in the first text: not those of any load


class Unfilled(Exception):
    """The journal did not take everything."""


def sealing(url: str, keys: Path, retention_s: float = 86_400.0) -> RedisJournal:
    """A journal whose bodies are encrypted with the keys of a folder."""
    return RedisJournal.connect(url, retention_s=retention_s, cipher=Vault(Keyring(keys)))


async def fill(journal: RedisJournal, settings: Settings, count: int, *, mix: str = "marketing", seed: int = 9) -> None:
    """Queue so many messages of the first tenant, of the load generator's own lengths and destinations. Raises ``Unfilled``."""
    left = iter(_batches(settings, count, mix, seed))

    async def work() -> None:
        for batch in left:
            done = await journal.accept(batch)
            if not all(one.fresh for one in done):
                raise Unfilled(f"of {len(batch)} messages {sum(one.fresh for one in done)} were taken")

    await asyncio.gather(*(work() for _ in range(CALLS)))


def _batches(settings: Settings, count: int, mix: str, seed: int) -> Iterator[list[Intake]]:
    terms, tenant = Terms.compile(settings), settings.tenants[0]
    options = LoadOptions(count=count, mode="batch", format="msgpack", batch=BLOCK, mix={mix: 1.0}, seed=seed, first=FIRST)
    corpus = Corpus(options)
    partition = 0
    for start in range(0, count, BLOCK):
        octets, _ = corpus.request(min(BLOCK, count - start))
        now_ms = time.time_ns() // 1_000_000
        bodies = [_settled(item, tenant, terms, now_ms) for item in read_items(octets, MSGPACK)]
        for begin in range(0, len(bodies), RUN):
            partition = (partition + 1) % PARTITIONS
            yield [
                seal(make_id(now_ms, partition, os.urandom(ENTROPY_OCTETS)), body, tenant) for body in bodies[begin : begin + RUN]
            ]


def _settled(item: object, tenant: Tenant, terms: Terms, now_ms: int) -> Body:
    body = settle(item, tenant, terms, now_ms) if isinstance(item, MessageIn) else item
    if not isinstance(body, Body):
        raise Unfilled(f"not a message that can be sent: {body}")
    return body
