"""Idempotency-Key: the same request, sent again, gives the same ids and therefore the same messages.

The journal remembers when a key was first used; ids are derived from that time, the key and the item's place. A retry so writes what is
still missing and nothing else, whichever front it reaches, and whatever became of the first.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Final, NamedTuple

from router.api.http import Call
from router.api.port import FrontPort
from router.api.problems import Refusal
from router.ids import MessageId, derived_id, partition_of_text
from router.intake import seal
from router.journal.port import Accepted, Intake, JournalFull, JournalUnavailable
from router.model import MessageClass
from router.present import body_of
from router.record import Body

KEY_LIMIT: Final = 255  # characters
REPLAYED: Final = (b"idempotency-replayed", b"true")
_DIGEST_OCTETS: Final = 16  # as router.journal.port.Intake asks
_FINGERPRINT_OCTETS: Final = 8
OFFERS: Final = 4  # how often a message is offered to a journal that refuses other classes
_ROUNDS: Final = 3  # a key's time changes once, when an old one has just expired; a third time is a fault of the journal


async def submit(front: FrontPort, items: Sequence[Intake]) -> list[Accepted | JournalFull]:
    """Make messages durable. Of a journal that refuses some classes for want of room, only those suffer; raises ``JournalError``.

    A commit is shared with other requests, so what is welcome may be refused for a neighbour's sake: nothing of a refused
    call took effect, and it may be offered again at once.
    """
    refused: dict[MessageClass, JournalFull] = {}
    rest = items
    for _ in range(OFFERS):
        try:
            accepted = iter(await front.submit(rest))
        except JournalFull as full:
            refused |= dict.fromkeys(full.classes, full)
            rest = [item for item in items if item.klass not in refused]
            if not rest:
                raise
        else:
            return [refused.get(item.klass) or next(accepted) for item in items]
    raise next(iter(refused.values()))


class Keyed(NamedTuple):
    """A request's key."""

    digest: bytes  # of tenant and key: keys of two tenants never meet
    partition: int


class Done(NamedTuple):
    """What stands in the journal now."""

    ids: list[MessageId]
    bodies: Sequence[Body]
    outcome: Sequence[Accepted | JournalFull]


class Idempotency:
    """Keys under way in this process. May forget them: the journal knows the rest."""

    def __init__(self) -> None:
        self._under_way: set[bytes] = set()

    def key_of(self, call: Call) -> Keyed | None:
        """The request's key, None without one."""
        raw = call.headers.get(b"idempotency-key")
        if raw is None:
            return None
        text = raw.decode("latin-1")
        if not (0 < len(text) <= KEY_LIMIT and text.isascii() and text.isprintable()):
            raise Refusal("invalid_idempotency_key", f"An Idempotency-Key has 1 to {KEY_LIMIT} printable ASCII characters.")
        name = f"{call.tenant.id}\0{text}"
        return Keyed(blake2b(name.encode(), digest_size=_DIGEST_OCTETS).digest(), partition_of_text(name))

    @contextmanager
    def under_way(self, digest: bytes) -> Iterator[None]:
        """409 while another request with this key is being handled here."""
        if digest in self._under_way:
            raise Refusal("idempotency_in_flight", "Ask again when it is answered.", retry_after_s=1)
        self._under_way.add(digest)
        try:
            yield
        finally:
            self._under_way.discard(digest)

    async def standing(self, call: Call, keyed: Keyed, octets: bytes, places: Sequence[int]) -> dict[int, tuple[MessageId, Body]]:
        """What this very request has brought in before, by index: it stands, whatever would be said against it now.

        A first answer must be had again when a rule has begun to deny meanwhile. Raises ``JournalError``. What has been dropped
        since for want of retention is left out.
        """
        created_ms = await call.front.journal.first_use(keyed.partition, _idempotency(call, keyed, octets), call.now_ms)
        if created_ms is None:
            return {}
        ids = [derived_id(created_ms, keyed.partition, keyed.digest, place) for place in places]
        found = {}
        for place, message_id, record in zip(places, ids, await call.front.journal.read(ids), strict=True):
            body = body_of(record)
            if body is not None:
                found[place] = message_id, body
        return found

    async def submit(
        self,
        call: Call,
        keyed: Keyed,
        octets: bytes,
        places: Sequence[int],
        bodies: Sequence[Body],
        again: Callable[[int], Sequence[Body]],
    ) -> Done:
        """Write messages under the key; raises ``JournalError``.

        ``places``: each body's index in the request. ``again(created_ms)`` settles the same messages as of the key's first use.
        """
        idempotency = _idempotency(call, keyed, octets)
        created_ms = call.now_ms
        for _ in range(_ROUNDS):
            ids = [derived_id(created_ms, keyed.partition, keyed.digest, place) for place in places]
            outcome = await submit(
                call.front,
                [seal(message_id, body, call.tenant, idempotency) for message_id, body in zip(ids, bodies, strict=True)],
            )
            accepted = [one for one in outcome if isinstance(one, Accepted)]
            if any(one.conflict for one in accepted):
                raise Refusal("idempotency_key_reused", "The key was used for another request in the last 24 hours.")
            first_ms = next((one.created_ms for one in accepted if one.created_ms != created_ms), created_ms)
            if first_ms == created_ms:
                return Done(ids, bodies, outcome)
            created_ms = first_ms
            bodies = again(created_ms)
        raise JournalUnavailable("the time of an idempotency key does not settle")


def _idempotency(call: Call, keyed: Keyed, octets: bytes) -> bytes:
    """``Intake.idempotency`` of a request: its key, and what tells it from another one under the same key."""
    return keyed.digest + blake2b(octets, key=call.path.encode()[:64], digest_size=_FINGERPRINT_OCTETS).digest()
