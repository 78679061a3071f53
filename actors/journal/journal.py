"""The journal on Redis: ``router.journal.port`` fulfilled by batched, idempotent server-side scripts.

Keys of a partition, all with its hash tag P = "{p07}:" (numbers 00 to 63):
P m HASH id → body, encrypted by ``actors.journal.vault``. P s HASH id → head and history. P q:<class>:<tenant> LIST of ids and P r:<class> LIST, the ring of tenants
with something queued. P claimed, P if:<owner>, P due, P wait, P dead ZSET id → time; P look ZSET id → when to ask whether it is to be sent
again, for some of those in P wait. P t LIST and P tx ZSET, ended ids until their
retention is over. P ix:<tenant> ZSET, ids in order for listing. P idem:<day>:<octet> HASH, idempotency keys. P own, the
dispatcher's lease; P reg:<owner> HASH, an owner's newest epoch; P ep:<owner>, the newest one known here. P dlr:…, P dlrs:…, P orph:…,
a carrier's message ids and early receipts. P wh, P whdead ZSET and P whn HASH, webhook events; P rx:<account> ZSET and
P rxn:<account> HASH, those for an SMPP account; P ch HASH id → account, of messages whose end one is told of. P pt ZSET and P pt:<group>
HASH, parts of long messages that wait for each other (a group's partition is its first octet modulo 64). P ctr HASH, counters.
P v:<name>, values. P at:due, P at:wh and P at:rx:<account>, what the clock said when these were looked at last, kept for a minute.
"""

from actors.journal.aside import Aside
from actors.journal.base import Servers
from actors.journal.cipher import Cipher, Plain
from actors.journal.conserve import Conserve
from actors.journal.copies import Copies
from actors.journal.dispatch import Dispatch
from actors.journal.health import Health
from actors.journal.intake import Reception
from actors.journal.link import Observer
from actors.journal.notices import Notices
from actors.journal.parts import Parts
from actors.journal.reading import Reading
from actors.journal.topology import Topology


class RedisJournal(Reception, Parts, Dispatch, Aside, Copies, Notices, Reading, Conserve, Health, Servers):
    """The port on Redis ≥ 7.0 or Valkey ≥ 8. Owns connections; may forget all else."""

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        replicas: int = 0,
        confirm_timeout_s: float = 2.0,
        retention_s: float = 86_400.0,
        cipher: Cipher | None = None,
    ) -> "RedisJournal":
        """A journal at ``url`` ("unix:///path?db=0", "redis://host:port/0", several with commas). Connects when first used.

        ``cipher``: what bodies and parts are encrypted with; without one they are not, and encrypted ones cannot be read.
        """
        return cls(
            Topology.connect(url),
            replicas=replicas,
            confirm_timeout_s=confirm_timeout_s,
            retention_s=retention_s,
            cipher=cipher or Plain(),
        )

    def watch(self, observer: Observer) -> None:
        """Have each script call told to ``observer``."""
        for link in self._topology.links:
            link.observer = observer

    async def close(self) -> None:
        """Close all connections."""
        await self._topology.close()
