"""What a load run knows of each message, for the invariants: it keeps all of it, some kilobytes a message."""

from time import time_ns
from typing import Final

from router.model import STATES_OF_STATUS, MessageClass, State, Status
from sims.invariants import Accepted, Delivery, Ended, History, Verdict, examine
from sims.load.follow import FINAL_WORDS
from sims.load.receiver import Event

TENANT: Final = "of the key"  # one key: one tenant


class Evidence:
    """Facts as they come."""

    def __init__(self, *, webhooks: bool, keyed: bool) -> None:
        """``webhooks``: whether ends are told to a receiver of this run; ``keyed``: whether requests have keys, so that they may be repeated."""
        self._keyed = keyed
        self._history = History(accepted=[], ended=[], deliveries=[] if webhooks else None)

    def accepted(self, at_us: int, message_id: str, klass: MessageClass, request: int, place: int) -> None:
        """The API said 202."""
        if self._history.accepted is not None:
            key = f"load-{request}" if self._keyed else ""
            tells = self._history.deliveries is not None
            self._history.accepted.append(Accepted(at_us, message_id, TENANT, klass, key, place, tells=tells))

    def ended(self, message_id: str, status: str) -> None:
        """A message was seen in this status."""
        if self._history.ended is not None and status in FINAL_WORDS:
            self._history.ended.append(Ended(_now_us(), message_id, _state(status)))

    def delivered(self, event: Event) -> None:
        """A webhook came."""
        if self._history.deliveries is not None and event.status in FINAL_WORDS:
            state = _state(event.status)
            self._history.deliveries.append(
                Delivery(_now_us(), event.message_id, TENANT, event.webhook_id, state, event.signed, taken=event.signed)
            )

    def verdict(self) -> Verdict:
        """The run against every rule that this evidence is enough for."""
        return examine(self._history)


def _state(status: str) -> State:
    return STATES_OF_STATUS[Status(status)][0]


def _now_us() -> int:
    return time_ns() // 1_000
