"""One delivery on its way: the answers to all its deliver_sm make one outcome."""

from typing import Any

from carriers.smpp.commands import ROK
from carriers.smpp.server.port import Outcome, Verdict
from carriers.smpp.statuses import DELIVER_AGAIN


class Parcel:
    """Waits for as many ends as it has bodies; the gravest of them counts."""

    __slots__ = ("_status", "_token", "_verdict", "_waiting")

    def __init__(self, token: Any, bodies: int) -> None:
        """``bodies``: how many there are, written or not."""
        self._token = token
        self._waiting = bodies
        self._verdict = Verdict.TAKEN
        self._status = ROK

    @property
    def failed(self) -> bool:
        """Whether it will not be taken as a whole: what is not written of it need not be."""
        return self._verdict is not Verdict.TAKEN

    def answered(self, status: int) -> Outcome | None:
        """A body was answered; the outcome when it was the last."""
        if status == ROK:
            return self._ended(1)
        verdict = Verdict.RETRY if status in DELIVER_AGAIN else Verdict.REFUSED
        return self._fail(verdict, status, 1)

    def unanswered(self, bodies: int = 1) -> Outcome | None:
        """Bodies have no answer and will have none that counts, or were never written; the outcome when they were the last."""
        return self._fail(Verdict.RETRY, ROK, bodies)

    def _fail(self, verdict: Verdict, status: int, bodies: int) -> Outcome | None:
        if self._verdict is Verdict.TAKEN or (verdict is Verdict.REFUSED and self._verdict is Verdict.RETRY):
            self._verdict, self._status = verdict, status
        return self._ended(bodies)

    def _ended(self, bodies: int) -> Outcome | None:
        self._waiting -= bodies
        if self._waiting:
            return None
        token, self._token = self._token, None  # a tombstone of the window may keep this parcel for minutes
        return Outcome(token, self._verdict, self._status)
