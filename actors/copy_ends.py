"""What a carrier actor does with second copies that it could not bring to where only a receipt is missing."""

from typing import Final

from actors.batching import Outbox
from actors.metrics import Metrics
from carriers.port import Answer, Outgoing, Verdict
from router.journal.port import CopyEnd, Journal
from router.model import STATUS_OF, Again, ErrorName, State
from router.record import EventKind, pack_event

BATCH_LIMIT: Final = 500


class CopyEnds:
    """Of one carrier. A copy is never tried again: its message has another one, and that may still arrive."""

    def __init__(self, journal: Journal, carrier: str, metrics: Metrics, pause_s: float) -> None:
        self._journal = journal
        self._carrier = carrier
        self._metrics = metrics
        self.box = Outbox[CopyEnd]("copies_ended", self._commit, limit=BATCH_LIMIT, pause_s=pause_s)

    def take(self, outgoing: Outgoing, answer: Answer, now_ms: int) -> None:
        """The carrier refused it, did not answer, or never got it."""
        name, word = self._carrier, outgoing.klass.word
        match answer.verdict:
            case Verdict.REFUSED:
                error = answer.error or ErrorName.REFUSED_BY_CARRIER
                event = pack_event(now_ms, EventKind.REFUSED, name, answer.status, error, answer.again or Again.OTHER)
                self._metrics.counter("trunkline_submit_refused", name, word, error).add()
            case Verdict.UNKNOWN:
                event = pack_event(now_ms, EventKind.UNKNOWN, name, answer.reason)
                self._metrics.counter("trunkline_unknown", name, word).add()
            case _:
                event = pack_event(now_ms, EventKind.RETURNED, name, answer.reason)
        self.put(outgoing, event, now_ms, failed=answer.verdict is not Verdict.UNKNOWN)

    def put(self, outgoing: Outgoing, event: bytes, now_ms: int, *, failed: bool) -> None:
        """Have this noted; should the first copy have failed before, the message ends with it."""
        final = pack_event(now_ms, EventKind.FINAL, int(State.UNDELIVERED), ErrorName.NOT_DELIVERED, True, "")
        self.box.put([CopyEnd(outgoing.id, event, failed, State.UNDELIVERED, final)])

    async def _commit(self, items: list[CopyEnd]) -> None:
        ended = sum(await self._journal.copies_ended(items))
        if ended:
            status = STATUS_OF[State.UNDELIVERED]
            self._metrics.counter("trunkline_finished", status, self._carrier, "", ErrorName.NOT_DELIVERED).add(ended)
