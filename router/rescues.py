"""Which messages may be rescued, as the settings have it, and what the decision needs of one that is pending."""

from collections.abc import Callable
from typing import Final

from router.advance import tried_carriers
from router.brain.port import Want
from router.brain.rescue import Stuck, Terms
from router.journal.port import Claimed
from router.model import CLASS_BY_WORD, MessageClass, State
from router.record import Body, EventKind, UnreadableRecord, unpack_body, unpack_events
from router.settings import Settings

_IN_DOUBT: Final = (EventKind.UNKNOWN, EventKind.SUBMITTED_LATE)


class Rescues:
    """The settings of rescue, ready to be asked. New settings make a new one."""

    __slots__ = ("_forbidden", "classes", "terms")

    def __init__(self, settings: Settings) -> None:
        rules = settings.rescue
        self.classes = frozenset(CLASS_BY_WORD[word] for word in rules.classes)
        self.terms = Terms(rules.earliest_s, rules.latest_s, float(rules.duplicate_micros), rules.share)
        self._forbidden = frozenset(tenant.id for tenant in settings.tenants if not tenant.rescue)

    @classmethod
    def wanted(cls, settings: Settings) -> "Rescues | None":
        """None: nobody is to be rescued."""
        return cls(settings) if settings.rescue.classes else None

    def may(self, klass: MessageClass, tenant: str, segments: int) -> bool:
        """Whether a message of these may have a second copy: one segment, for the parts of two copies could be mixed up on the handset."""
        return klass in self.classes and segments == 1 and tenant not in self._forbidden

    def look_ms(self, klass: MessageClass, tenant: str, segments: int, written_s: float) -> int:
        """When to look at a message that was written then, as ``Submitted.look_ms``; 0: never."""
        return int((written_s + self.terms.earliest_s) * 1000) if self.may(klass, tenant, segments) else 0


def stuck(
    message: Claimed,
    rescues: Rescues,
    want_of: Callable[[Body, MessageClass, tuple[str, ...], int], Want],
    deadline_s: Callable[[MessageClass], float],
    now_ms: int,
) -> Stuck | None:
    """A message as ``router.brain.rescue`` wants it; None: it must not be sent again.

    Only a message that one carrier alone may have, and whose receipt can be told: not one with an earlier attempt in doubt. ``want_of``: body, class, carriers tried and ``now_ms``.
    """
    try:
        body, lines = unpack_body(message.body), unpack_events(message.events)
    except UnreadableRecord:
        return None
    klass = MessageClass(body.klass)
    submits = [line for line in lines if line[1] == EventKind.SUBMITTED]
    clear = len(submits) == 1 and not any(line[1] in _IN_DOUBT for line in lines)
    if (
        message.state is not State.SENT
        or not clear
        or now_ms >= body.expires_ms
        or not rescues.may(klass, body.tenant, body.segments)
    ):
        return None
    at_ms, _, carrier, carrier_ids, latency_us, *_ = submits[0]
    if not any(carrier_ids):
        return None
    due_s = max(body.created_ms, body.send_at_ms) / 1000 + deadline_s(klass)
    return Stuck(want_of(body, klass, tried_carriers(lines), now_ms), carrier, at_ms / 1000 - latency_us / 1e6, due_s)
