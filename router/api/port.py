"""What the HTTP layer asks of the process it runs in. The app knows no Redis, no Ray, no clock and no dice: all come from here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from router.brain.port import Board, Observation
from router.ids import MessageId
from router.journal.port import Accepted, Intake, Journal
from router.limits import Admitted, Refused
from router.model import MessageClass
from router.record import Body
from router.terms import Terms


class CarrierStatus(NamedTuple):
    """A carrier as its actor last told; what no actor has told yet is zero with a ``reason``."""

    name: str
    bound: int = 0  # sessions that can submit
    sessions: int = 0  # sessions wanted that can submit
    receivers: int = 0  # sessions that can bring receipts
    speed_mps: float = 0.0  # what the lane allows now; 0: no limit known
    contracted_mps: int = 0
    window_used: int = 0
    window: int = 0
    throttled: int = 0  # messages that wait inside the link for a throttled lane
    reason: str = ""  # why it is not (fully) bound; "" when all is well
    breaker: str = "closed"  # closed, open, half_open: the brain's word
    suggestion: str = ""  # what its profile should say otherwise; "" when there is nothing to suggest
    shadow_micros_per_s: int = 0  # what one more segment a second of its speed would have saved of late, by the dispatchers


class AccountStatus(NamedTuple):
    """An SMPP account over all servers."""

    sessions: int = 0  # bound now
    receivers: int = 0  # of these, able to take receipts and messages


class FrontPort(Protocol):
    """The process around the app. Plain methods answer from memory at once; the others wait for the journal or for other actors."""

    # -- time and chance --------------------------------------------------------------------------------------------
    def now_ms(self) -> int:
        """Wall clock, milliseconds since 1970."""
        ...

    def monotonic_s(self) -> float:
        """A clock that never goes back, for durations."""
        ...

    def entropy(self, octets: int) -> bytes:
        """So many unpredictable octets."""
        ...

    def partition(self) -> int:
        """The journal partition (0–63) for the next run of messages: one request's, or up to 100 of a batch.

        The front turns it so that commits are big and partitions even.
        """
        ...

    # -- what is known ----------------------------------------------------------------------------------------------
    @property
    def terms(self) -> Terms:
        """The settings in force, compiled; replaced as a whole when they change."""
        ...

    @property
    def journal(self) -> Journal:
        """The journal's reading side: ``read``, ``list_ids``, ``cancel``, ``note``, ``get_value``, ``health``, dead letters. Never ``accept``."""
        ...

    def board(self) -> Board | None:
        """The newest scoreboard, None before the first."""
        ...

    async def carriers(self) -> Sequence[CarrierStatus]:
        """Live states, for every carrier an actor has told of."""
        ...

    async def accounts(self) -> Mapping[str, AccountStatus]:
        """SMPP accounts that are bound now, by system_id."""
        ...

    def preview(self, body: Body) -> Mapping[str, Any] | None:
        """The decision row (``router.brain.port.Plan``) for a message if it were planned now; None: nothing to decide with."""
        ...

    # -- intake -----------------------------------------------------------------------------------------------------
    def admit(self, tenant: str, messages: int, spend_micros: int) -> Admitted | Refused:
        """Spend leased tokens, all or nothing; with 0 messages only tell the figures. Unknown tenants are Refused."""
        ...

    def sheds(self, klass: MessageClass) -> str:
        """Why new messages of this class are refused for want of memory or disk; "" when they are welcome."""
        ...

    async def submit(self, items: Sequence[Intake]) -> list[Accepted]:
        """Make messages durable (group commit lies behind); raises ``JournalError`` or ``JournalFull``."""
        ...

    def offer(self, items: Sequence[Intake], told: Callable[[Sequence[Accepted] | Exception], None]) -> None:
        """The same without a task or a future: ``told`` is called with what ``submit`` would return or raise, never before this returns."""
        ...

    def observe(self, batch: Sequence[Observation]) -> None:
        """Tell the brain, and do not wait; never raises. A lost batch costs it a moment's learning."""
        ...

    # -- operations -------------------------------------------------------------------------------------------------
    def ready(self) -> tuple[bool, Sequence[str]]:
        """Whether requests should come here, and if not, why."""
        ...

    async def exposition(self) -> bytes:
        """The Prometheus text exposition of the whole system."""
        ...

    def count_accepted(self, tenant: str, klass: MessageClass, messages: int, segments: int) -> None:
        """So many were made durable."""
        ...

    def count_canceled(self) -> None:
        """A message was taken back."""
        ...

    def count_refused(self, tenant: str, code: str, messages: int) -> None:
        """So many were refused with this error code."""
        ...

    def count_request(self, route: str, status: int, duration_s: float) -> None:
        """A request was answered; ``route`` is the path's template, "" when none matched."""
        ...


__all__ = ["Accepted", "AccountStatus", "Admitted", "CarrierStatus", "FrontPort", "MessageId", "Refused"]
