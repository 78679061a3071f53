"""Numbers that moved to another network and kept their digits: a port for services that know, and a memory of what they said.

Whoever asks waits no longer than the service's time-out, and without an answer the table of prefixes counts. What was answered is
remembered, and for a shorter while that nothing is known of a number.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol

from router.destinations import is_network
from router.rule_settings import Portability

UNKNOWN: Final = ""  # asked, and the service knows of no network


class Fate(StrEnum):
    """What became of a question for a number's network."""

    FOUND = "found"
    UNKNOWN = "unknown"  # asked, and the service knows of no network
    FAILED = "failed"  # the answer was an error, or could not be read
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"  # not asked: the service has been silent


class NetworkLookup(Protocol):
    """A service that knows the networks of numbers."""

    fates: Counter[Fate]  # of the questions since somebody has cleared it

    async def lookup(self, numbers: Sequence[str]) -> Sequence[str | None]:
        """The MCC-MNC of each number (E.164 digits), ``UNKNOWN``, or None where no answer came in time. Does not raise."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Memory:
    """What was answered of late. Of too many the oldest go. Measured: 0.1 µs a look."""

    __slots__ = ("_keep_s", "_kept", "_most", "_unknown_s")

    def __init__(self, settings: Portability) -> None:
        self._keep_s = settings.keep_s
        self._unknown_s = settings.keep_unknown_s
        self._most = settings.keep_most
        self._kept: dict[str, tuple[str, float]] = {}  # number → network, until when

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, number: str, now_s: float) -> str | None:
        """The network, ``UNKNOWN``, or None: it has to be asked for."""
        found = self._kept.get(number)
        if found is None:
            return None
        if now_s >= found[1]:
            del self._kept[number]
            return None
        return found[0]

    def put(self, number: str, network: str, now_s: float) -> None:
        """Remember an answer."""
        self._kept.pop(number, None)  # the newest stands last
        if len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[number] = network, now_s + (self._keep_s if network else self._unknown_s)


def read_answer(document: Any, paths: Sequence[str]) -> str:
    """The MCC-MNC that a service's answer holds, ``UNKNOWN`` where there is none.

    ``paths``: of the whole, or of country code and network code apart; keys and places in lists, with dots between. Numbers are
    taken, too; a network code of one digit has lost its zero (ITU-T E.212: it has two or three).
    """
    parts = [_at(document, path) for path in paths]
    if len(parts) == 2 and parts[1]:
        parts[1] = parts[1].zfill(2)
    if not all(parts):
        return UNKNOWN
    network = "".join(parts).replace("-", "").replace(" ", "")
    plausible = network.isascii() and network.isdigit() and 5 <= len(network) <= 6 and is_network(network)
    return network if plausible else UNKNOWN


def _at(document: Any, path: str) -> str:
    for step in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return ""
    return str(document).strip() if isinstance(document, (str, int)) and not isinstance(document, bool) else ""
