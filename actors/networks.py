"""The networks of numbers that may have moved: what a dispatcher asks a service for, and what it remembers."""

from collections.abc import Sequence

from actors import machine
from actors.metrics import Metrics
from carriers.portability import HttpLookup
from router.portability import UNKNOWN, Memory, NetworkLookup
from router.rule_settings import Portability


class Networks:
    """Owns a memory of answers and the connections to the service. May forget both: the table of prefixes counts then."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._took = metrics.histogram("trunkline_portability_duration_seconds")
        self._remembered = 0  # questions that the memory has answered
        self._settings = Portability()
        self._countries: frozenset[str] = frozenset()
        self._memory = Memory(self._settings)
        self._service: NetworkLookup | None = None
        self.waiting = 0  # messages for whose numbers an answer is waited for

    async def retune(self, settings: Portability) -> None:
        """Use these settings; what was answered under others is forgotten."""
        if settings == self._settings:
            return
        before, self._service = self._service, HttpLookup(settings, machine.monotonic) if settings.url else None
        self._settings, self._memory, self._countries = settings, Memory(settings), frozenset(settings.countries)
        if before is not None:
            await before.close()

    def known(self, number: str, country: str) -> str | None:
        """The network that a number moved to or stayed in; "": nothing is known but its prefix; None: it is to be asked for."""
        if not self._asks(country):
            return UNKNOWN
        found = self._memory.get(number, machine.monotonic())
        if found is not None:
            self._remembered += 1
        return found

    def remembered(self, number: str, country: str) -> str:
        """The same for a number that has been asked for just now: what is not known yet counts as not known."""
        return (self._memory.get(number, machine.monotonic()) or UNKNOWN) if self._asks(country) else UNKNOWN

    def _asks(self, country: str) -> bool:
        """Whether numbers of this country are asked for."""
        return self._service is not None and (not self._countries or country in self._countries)

    async def ask(self, numbers: Sequence[str]) -> None:
        """Ask for these, and remember the answers that come in time."""
        service, memory = self._service, self._memory
        if service is None:
            return
        wanted = list(dict.fromkeys(numbers))
        self.waiting += len(numbers)
        began_s = machine.monotonic()
        try:
            answers = await service.lookup(wanted)
        finally:
            self.waiting -= len(numbers)
        now_s = machine.monotonic()
        self._took.observe(now_s - began_s)
        self._count(service)
        for number, network in zip(wanted, answers, strict=True):
            if network is not None:
                memory.put(number, network, now_s)

    def gauges(self) -> None:
        """Bring the figures up to date."""
        self._metrics.counter("trunkline_portability_remembered").add(self._remembered)
        self._remembered = 0
        if self._service is not None:
            self._metrics.gauge("trunkline_portability_numbers_kept").set(len(self._memory))

    def _count(self, service: NetworkLookup) -> None:
        for fate, count in service.fates.items():
            self._metrics.counter("trunkline_portability_lookups", fate).add(count)
        service.fates.clear()

    async def close(self) -> None:
        """Let go of the connections."""
        if self._service is not None:
            await self._service.close()
            self._service = None
