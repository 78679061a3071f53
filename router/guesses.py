"""Who guesses passwords or keys is made to wait: pure bookkeeping of failures, the time passed in."""

from ipaddress import IPv6Network, ip_address
from typing import Final, NamedTuple

FREE_FAILURES: Final = 4  # the fifth failure is the first that costs a wait
FIRST_WAIT_S: Final = 1.0  # doubled with each further failure
LONGEST_WAIT_S: Final = 900.0
FREE_BY_NAME: Final = 24  # failures of one name from all addresses together: its owner's own mistakes are fewer
FORGET_S: Final = 3_600.0  # after the last failure and its wait
MAX_ENTRIES: Final = 65_536  # of each table, some 20 MB at most; the oldest goes first

_OWN_NETWORK_6: Final = 64  # one customer of a provider has a /64 at least: its addresses count as one (RFC 6177)


class _Failures(NamedTuple):
    number: int
    until_s: float  # when the next try is allowed


Key = tuple[str | None, str | None]  # address, name; None: whichever


class Guesses:
    """Failures by (address, name), by address and, where asked for, by name from wherever. A name is a system_id or a key's id.

    A success forgets the failures of its pair, and from then on that pair does not wait for what others do behind the same
    address. The address's own failures stay: whoever has one account there must not buy guesses at others with it.
    """

    def __init__(self, limit: int = MAX_ENTRIES, *, by_name: bool = False) -> None:
        """``limit``: entries of each table. ``by_name``: many addresses that guess at one name wait as one would.

        That lets a stranger make the name's owner wait, too: only for those who do not ask before they know that a guess was wrong.
        """
        self._limit = limit
        self._by_name = by_name
        self._failures: dict[Key, _Failures] = {}  # in the order of the last failure
        self._known: dict[Key, None] = {}  # pairs that have succeeded, in the order of the last time

    def wait_s(self, address: str, name: str, now_s: float) -> float:
        """How long this try has to wait before it is worth looking at; 0: not at all."""
        if not self._failures:
            return 0.0
        pair = (_origin(address), name)
        keys = (pair,) if pair in self._known else self._keys(*pair)
        return max(0.0, *(self._until_s(key) - now_s for key in keys))

    def _keys(self, origin: str, name: str) -> tuple[Key, ...]:
        both: tuple[Key, ...] = ((origin, name), (origin, None))
        return (*both, (None, name)) if self._by_name and name else both

    def failed(self, address: str, name: str, now_s: float) -> None:
        """A try had a wrong secret, or an unknown name."""
        for key in self._keys(_origin(address), name):
            before = self._failures.pop(key, None)
            if before is not None and before.until_s + FORGET_S <= now_s:
                before = None
            count = before.number + 1 if before is not None else 1
            free = FREE_FAILURES if key[0] is not None else FREE_BY_NAME
            self._failures[key] = _Failures(count, now_s + _cost_s(count - free))
            _bound(self._failures, self._limit)

    def succeeded(self, address: str, name: str) -> None:
        """A try had the right secret."""
        pair = (_origin(address), name)
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


def _cost_s(beyond: int) -> float:
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
