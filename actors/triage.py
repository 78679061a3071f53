"""Sorting what a dispatcher has claimed: which messages need a carrier, and which end here."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from actors.pool import Pending
from router.advance import End, after_claim
from router.brain.port import Want
from router.journal.port import Claimed, Finish
from router.model import ErrorName, MessageClass, State
from router.record import Body, ErasedRecord, EventKind, UnreadableRecord, pack_body, pack_event, unpack_body, unpack_events
from router.rules import RuleBook
from router.settings import ClassRules

log = logging.getLogger("trunkline.dispatcher")


_CLASSES: Final = {int(klass): klass for klass in MessageClass}  # an enum's own call takes 0.3 µs a message


class Sorted(NamedTuple):
    """Claimed messages by what becomes of them."""

    pending: list[Pending]
    ends: "list[Ended]"
    strangers: list[tuple[Claimed, str]]  # their networks are to be asked for, by these numbers


class Ended(NamedTuple):
    """A message that ends without another attempt."""

    finish: Finish
    end: End
    word: str  # its class; "" when its record cannot be read


def triage(
    claimed: Sequence[Claimed],
    rules: Mapping[MessageClass, ClassRules],
    book: RuleBook,
    now_ms: int,
    now_s: float,
    network_of: Callable[[str, str], str | None] | None = None,
) -> Sorted:
    """Sort them. ``now_s`` starts their waiting for room.

    ``network_of``: number and country to the network that it moved to, "" for the one of its prefix, None: to be asked for.
    """
    pending: list[Pending] = []
    ends: list[Ended] = []
    strangers: list[tuple[Claimed, str]] = []
    for message in claimed:
        try:
            body = unpack_body(message.body)
            events = unpack_events(message.events) if message.attempts else []
        except ErasedRecord:
            state = State.UNCONFIRMED if message.state is State.UNKNOWN else State.FAILED
            ends.append(_ended(message, End(state, ErrorName.ERASED, permanent=True), "", now_ms))
            continue
        except UnreadableRecord:
            log.error("dispatcher.unreadable id=%s", message.id.hex())  # noqa: TRY400 (the trace would show the record)
            ends.append(_ended(message, End(State.FAILED, ErrorName.UNREADABLE_RECORD, permanent=True), "", now_ms))
            continue
        klass = _CLASSES[body.klass]
        if body.fault:
            ends.append(_ended(message, End(State.REJECTED, ErrorName(body.fault), permanent=True), klass.word, now_ms))
            continue
        next_ = after_claim(
            message.state, events, attempts=message.attempts, rules=rules[klass], expires_ms=body.expires_ms, now_ms=now_ms
        )
        if isinstance(next_, End):
            ends.append(_ended(message, next_, klass.word, now_ms))
        else:
            network = network_of(body.to, body.country) if network_of is not None else ""
            if network is None:
                strangers.append((message, body.to))
                continue
            if network and network != body.network:
                body = replace(body, network=network)
                message = message._replace(body=pack_body(body))  # noqa: PLW2901 (the carrier is to see the network, too)
            want = want_of(body, klass, next_.tried, book, now_ms)
            item = Pending(message, klass, want, now_s, next_.doubtful)
            if want.ruling.denied:
                ends.append(no_route(item, now_ms))
            else:
                pending.append(item)
    return Sorted(pending, ends, strangers)


def want_of(body: Body, klass: MessageClass, tried: tuple[str, ...], book: RuleBook, now_ms: int) -> Want:
    """What the decision needs of a message."""
    ruling = book.ruling(body.tenant, body.klass, body.sender, body.network, body.country, body.to, body.tags, now_ms)
    policy = ruling.policy or body.policy
    return Want(body.network, body.country, body.to, klass, body.segments, tried, policy, ruling, body.tenant)


def no_route(item: Pending, now_ms: int, before: bytes = b"") -> Ended:
    """No carrier may ever take it: REJECTED if none was asked, else FAILED, else unconfirmed when one is in doubt.

    ``before``: the line of its history that says why.
    """
    rule = item.want.ruling.denied
    if item.doubtful:
        end = End(State.UNCONFIRMED, ErrorName.NO_ANSWER, permanent=False)
    elif item.want.tried:
        end = End(State.FAILED, ErrorName.ATTEMPTS_EXHAUSTED, permanent=False)
    else:
        end = End(State.REJECTED, ErrorName.DENIED if rule else ErrorName.NO_ROUTE, permanent=True)
    before = pack_event(now_ms, EventKind.DENIED, rule) if rule else before
    return _ended(item.claimed, end, item.klass.word, now_ms, before)


def _ended(message: Claimed, end: End, word: str, now_ms: int, before: bytes = b"") -> Ended:
    event = before + pack_event(now_ms, EventKind.FINAL, int(end.state), end.error, end.permanent, "")
    return Ended(Finish(message.id, end.state, event, message.attempts), end, word)
