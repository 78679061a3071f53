"""A front of one process: the twin of the Front actor, for tests and for simulators. Its limiter shard lives in the same object."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from router.api.port import AccountStatus, CarrierStatus, FrontPort
from router.brain.port import Board, Observation
from router.journal.port import Accepted, Intake, Journal
from router.leases import LeasedTokens
from router.limits import Admitted, Allowance, Refused
from router.model import MessageClass
from router.record import Body
from router.terms import Terms


class LocalFront:
    """Fulfils ``FrontPort`` over any journal. Time and chance come in as callables.

    Public attributes are for the one who drives it: ``shed`` (class → reason), ``live`` (carrier states), ``gateways`` (SMPP accounts), ``newest`` (the board),
    ``plan`` (what ``preview`` answers), ``faults`` (why it is not ready), ``seen`` (what the brain was told), ``counts`` (what was
    counted).
    """

    def __init__(
        self,
        journal: Journal,
        terms: Terms,
        *,
        now_ms: Callable[[], int],
        monotonic_s: Callable[[], float],
        entropy: Callable[[int], bytes],
    ) -> None:
        self.journal = journal
        self.terms = terms
        self.now_ms = now_ms
        self.monotonic_s = monotonic_s
        self.entropy = entropy
        self.shed: dict[MessageClass, str] = {}
        self.live: list[CarrierStatus] = []
        self.gateways: dict[str, AccountStatus] = {}
        self.newest: Board | None = None
        self.plan: Callable[[Body], Mapping[str, Any] | None] = lambda _: None
        self.faults: list[str] = []
        self.seen: list[Observation] = []
        self.counts: Counter[tuple[str, ...]] = Counter()
        self._partition = 0
        self._offers: set[asyncio.Task[None]] = set()
        self._tokens: dict[str, tuple[LeasedTokens, Allowance]] = {}

    def partition(self) -> int:
        """Every partition in turn."""
        self._partition = (self._partition + 1) % 64
        return self._partition

    def board(self) -> Board | None:
        """As set."""
        return self.newest

    async def carriers(self) -> Sequence[CarrierStatus]:
        """As set."""
        return self.live

    async def accounts(self) -> Mapping[str, AccountStatus]:
        """As set."""
        return self.gateways

    def preview(self, body: Body) -> Mapping[str, Any] | None:
        """As set."""
        return self.plan(body)

    def admit(self, tenant: str, messages: int, spend_micros: int) -> Admitted | Refused:
        """Spend tokens leased from the shard beside; the lease is renewed after each call, as the actor's loop does."""
        known = self.terms.tenants.get(tenant)
        if known is None:
            return Refused(0, 0, 0, 1, "tenant")
        limits = (known.rate_mps, known.burst, known.daily_spend_micros)
        if tenant not in self._tokens:
            self._tokens[tenant] = (LeasedTokens("local", *limits), Allowance(*limits))
        tokens, allowance = self._tokens[tenant]
        now_us = self.now_ms() * 1_000
        if (ask := tokens.ask(now_us)) is not None:
            tokens.leased(allowance.lease(ask, now_us), now_us)
        return tokens.spend(messages, spend_micros, now_us)

    def sheds(self, klass: MessageClass) -> str:
        """As set."""
        return self.shed.get(klass, "")

    async def submit(self, items: Sequence[Intake]) -> list[Accepted]:
        """Straight into the journal."""
        return await self.journal.accept(items)

    def offer(self, items: Sequence[Intake], told: Callable[[Sequence[Accepted] | Exception], None]) -> None:
        """``submit`` in a task."""

        async def submit() -> None:
            outcome: Sequence[Accepted] | Exception
            try:
                outcome = await self.submit(items)
            except Exception as error:  # noqa: BLE001 (told, whatever it is)
                outcome = error
            told(outcome)

        task = asyncio.get_running_loop().create_task(submit())
        self._offers.add(task)
        task.add_done_callback(self._offers.discard)

    def observe(self, batch: Sequence[Observation]) -> None:
        """Into ``seen``."""
        self.seen += batch

    def ready(self) -> tuple[bool, Sequence[str]]:
        """As set."""
        return not self.faults, self.faults

    async def exposition(self) -> bytes:
        """The counts, one a line."""
        lines = (f'trunkline_local{{count="{"/".join(name)}"}} {value}\n' for name, value in sorted(self.counts.items()))
        return "".join(lines).encode()

    def count_accepted(self, tenant: str, klass: MessageClass, messages: int, segments: int) -> None:
        """Into ``counts``."""
        self.counts["accepted", tenant, klass.word] += messages
        self.counts["segments", tenant, klass.word] += segments

    def count_canceled(self) -> None:
        """Counted."""
        self.counts["canceled",] += 1

    def count_refused(self, tenant: str, code: str, messages: int) -> None:
        """Into ``counts``."""
        self.counts["refused", tenant, code] += messages

    def count_request(self, route: str, status: int, duration_s: float) -> None:
        """Into ``counts``; durations are not kept."""
        self.counts["request", route, str(status)] += 1
        self.counts["requests",] += duration_s >= 0


if TYPE_CHECKING:  # the type checker proves that the port is fulfilled
    _PROOF: type[FrontPort] = LocalFront
