"""What actors say to each other, as msgpack: small, quick, and readable by another release during a rolling restart."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgpack
import msgspec

from router.brain.breaker import CLOSED
from router.brain.port import Observation, Outcome
from router.ids import MessageId
from router.model import MessageClass

# There are some 20,000 observations a second: typed, one takes 0.1 us to pack and 0.2 us to read, where plain lists made into them took 3.
_encoder = msgspec.msgpack.Encoder()
_observations = msgspec.msgpack.Decoder(list[Observation])


class Offered(NamedTuple):
    """A claimed message on its way from a dispatcher to a carrier, which assigns it when it has room on the wire."""

    id: MessageId
    attempts: int  # as claimed
    klass: MessageClass
    segments: int
    body: bytes
    event: bytes  # the ASSIGNED line, written with the assignment
    copy: bool = False  # not claimed: another carrier has it, and this is a second copy


_offers = msgspec.msgpack.Decoder(list[Offered])


class Lane(NamedTuple):
    """A carrier's readiness, as dispatchers see it."""

    version: int  # grows with every change that matters
    up: bool
    depth: int  # segments that may wait in the lane, all dispatchers together
    reason: str = ""
    speed: float = 0.0  # segments a second that leave it, by contract or of late; 0: not known
    breaker: str = CLOSED  # as the carrier's actor sees it
    breaker_until_s: float = 0.0
    fault: str = ""  # why it is open


class Reply(NamedTuple):
    """The end of an offer: all of its messages are assigned, or named here."""

    returned: Sequence[tuple[MessageId, str]]  # not assigned, and why
    lane: Lane


def pack_offer(batch: Sequence[Offered]) -> bytes:
    """Offer to octets."""
    return _encoder.encode(batch)


def unpack_offer(octets: bytes) -> list[Offered]:
    """Octets to offer."""
    try:
        return _offers.decode(octets)
    except msgspec.ValidationError:  # with further fields, of a later release
        pass
    return [
        Offered(id_, attempts, MessageClass(klass), segments, body, event, *more[:1])
        for id_, attempts, klass, segments, body, event, *more in msgpack.unpackb(octets)
    ]


def pack_reply(reply: Reply) -> bytes:
    """Reply to octets."""
    return msgpack.packb(reply)


def unpack_reply(octets: bytes) -> Reply:
    """Octets to reply."""
    returned, lane, *_ = msgpack.unpackb(octets)
    return Reply([(MessageId(i), reason) for i, reason in returned], unpack_lane_fields(lane))


def pack_lane(lane: Lane) -> bytes:
    """Lane to octets."""
    return msgpack.packb(lane)


def unpack_lane(octets: bytes) -> Lane:
    """Octets to lane."""
    return unpack_lane_fields(msgpack.unpackb(octets))


def unpack_lane_fields(fields: Sequence[Any]) -> Lane:
    """A lane from its fields; further ones are of a later release."""
    return Lane(*fields[:8])


def pack_observations(batch: Sequence[Observation]) -> bytes:
    """Observations to octets."""
    return _encoder.encode(batch)


def unpack_observations(octets: bytes) -> list[Observation]:
    """Octets to observations."""
    try:
        return _observations.decode(octets)
    except msgspec.ValidationError:  # with further fields, of a later release
        return [
            Observation(at_s, carrier, network, MessageClass(klass), Outcome(outcome), age_s, first, *more[:2])
            for at_s, carrier, network, klass, outcome, age_s, first, *more in msgpack.unpackb(octets)
        ]
