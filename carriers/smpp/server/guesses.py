"""Who guesses passwords is made to wait: pure bookkeeping of failed binds, the time passed in."""

from ipaddress import IPv6Network, ip_address
from typing import Final, NamedTuple

FREE_FAILURES: Final = 4  # the fifth failure is the first that costs a wait
FIRST_WAIT_S: Final = 1.0  # doubled with each further failure
LONGEST_WAIT_S: Final = 900.0
FORGET_S: Final = 3_600.0  # after the last failure and its wait
MAX_ENTRIES: Final = 65_536  # of each table, some 20 MB at most; the oldest goes first

_OWN_NETWORK_6: Final = 64  # one customer of a provider has a /64 at least: its addresses count as one (RFC 6177)


class _Failures(NamedTuple):
    number: int
    until_s: float  # when the next try is allowed


Key = tuple[str, str | None]  # address, system_id; None: the address alone


class Guesses:
    """Failures by (address, system_id) and by address.

    A success forgets the failures of its pair, and from then on that pair does not wait for what others do behind the same
    address. The address's own failures stay: whoever has one account there must not buy guesses at others with it.
    """

    def __init__(self, limit: int = MAX_ENTRIES) -> None:
        """``limit``: entries of each table."""
        self._limit = limit
        self._failures: dict[Key, _Failures] = {}  # in the order of the last failure
        self._known: dict[Key, None] = {}  # pairs that have succeeded, in the order of the last time

    def wait_s(self, address: str, system_id: str, now_s: float) -> float:
        """How long this bind has to wait before it is worth looking at; 0: not at all."""
        origin = _origin(address)
        pair = (origin, system_id)
        keys = (pair,) if pair in self._known else (pair, (origin, None))
        return max(0.0, *(self._until_s(key) - now_s for key in keys))

    def failed(self, address: str, system_id: str, now_s: float) -> None:
        """A bind had a wrong password, or an unknown system_id."""
        origin = _origin(address)
        for key in ((origin, system_id), (origin, None)):
            before = self._failures.pop(key, None)
            if before is not None and before.until_s + FORGET_S <= now_s:
                before = None
            count = before.number + 1 if before is not None else 1
            self._failures[key] = _Failures(count, now_s + _cost_s(count))
            _bound(self._failures, self._limit)

    def succeeded(self, address: str, system_id: str) -> None:
        """A bind had the right password."""
        pair = (_origin(address), system_id)
        self._failures.pop(pair, None)
        self._known.pop(pair, None)
        self._known[pair] = None
        _bound(self._known, self._limit)

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self._failures) + len(self._known)

    def _until_s(self, key: Key) -> float:
        failures = self._failures.get(key)
        return failures.until_s if failures is not None else 0.0


def _cost_s(count: int) -> float:
    beyond = count - FREE_FAILURES
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(beyond - 1, 30)) if beyond > 0 else 0.0


def _origin(address: str) -> str:
    """What counts as one place to guess from."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(parsed) if parsed.version == 4 else str(IPv6Network((int(parsed), _OWN_NETWORK_6), strict=False))


def _bound(table: dict[Key, _Failures] | dict[Key, None], limit: int) -> None:
    while len(table) > limit:
        del table[next(iter(table))]
