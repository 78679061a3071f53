"""The head of a record as it stands in Redis, before the history: few fixed octets that scripts read without unpacking anything.

Octets: version, state, class, attempts, flags, receipts that make it delivered, length of the segment mask, length of the tenant,
length of the owner, 2 of owner tag, 4 of own retention in seconds; then tenant, owner, mask; then the history. The scripts read the
same layout (scripts/_record.lua); the golden files of the tests hold it still.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from router.model import MessageClass, State
from router.record import UnreadableRecord

VERSION: Final = 1
FIXED: Final = 15
WANTS_EVENTS: Final = 1
KEYED: Final = 2
CHANNELED: Final = 4  # an SMPP account is told of its end; which one stands beside the heads
COPIED: Final = 8  # a second copy was made while the first was SENT; 16 and 32: of these two the first, the second has failed


class Head(NamedTuple):
    """A head, read. ``history`` is what follows it."""

    state: State
    klass: MessageClass
    attempts: int
    flags: int
    segments: int
    tag: bytes
    retention_s: int
    tenant: str
    owner: str
    mask: bytes
    history: bytes


@lru_cache(maxsize=4096)
def first_head(state: State, klass: MessageClass, flags: int, segments: int, tenant: str, retention_s: int) -> bytes:
    """The head of a message that nobody had in hand yet."""
    name = tenant.encode()
    fixed = bytes((VERSION, state, klass, 0, flags, min(max(segments, 1), 255), 0, len(name), 0, 0, 0))
    return fixed + retention_s.to_bytes(4, "big") + name


@lru_cache(maxsize=4096)
def owner_tag(owner: str) -> bytes:
    """Two octets that tell an owner from the one before it."""
    return blake2b(owner.encode(), digest_size=2).digest()


def read_head(octets: bytes) -> Head:
    """Head and history; raises ``UnreadableRecord`` for another version or octets cut short."""
    if len(octets) < FIXED or octets[0] != VERSION:
        raise UnreadableRecord("a head of another version, or cut short")
    mask_length, tenant_length, owner_length = octets[6], octets[7], octets[8]
    owner_at = FIXED + tenant_length
    mask_at = owner_at + owner_length
    history_at = mask_at + mask_length
    try:
        return Head(
            State(octets[1]),
            MessageClass(octets[2]),
            octets[3],
            octets[4],
            octets[5],
            octets[9:11],
            int.from_bytes(octets[11:15], "big"),
            octets[FIXED:owner_at].decode(),
            octets[owner_at:mask_at].decode(),
            octets[mask_at:history_at],
            octets[history_at:],
        )
    except ValueError as error:
        raise UnreadableRecord(str(error)) from error


def history_of(octets: bytes) -> bytes:
    """The history behind a head, without reading the rest."""
    return octets[FIXED + octets[6] + octets[7] + octets[8] :]
