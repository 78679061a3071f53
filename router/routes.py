"""Who may carry what, and for how much: the carriers' covers and prices, compiled for quick lookups.

A price or a cover names a network (``net:23410``), a number prefix (digits), a country (``GB``) or everything (``*``). Of the
prices that match, the exact network wins, then the longest prefix, then the country, then ``*``.

What a number costs depends on it only through the longest of all prefixes that anybody mentions: every other prefix that
matches is a prefix of that one. So ``(network, country, prefix)`` is a context that messages share, and its prices are computed
once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from router.model import CLASS_BY_WORD, MessageClass
from router.settings import CarrierProfile, Settings

NOT_COVERED: Final = -1
ROWS_LIMIT: Final = 65_536  # contexts kept; the world has about 2,500 networks, and prefixes multiply a few of them

Micros = NDArray[np.int64]


class Deck:
    """The carriers in alphabetical order, so that nothing depends on their order in the settings.

    ``names``: the carriers; ``index``: their places; ``enabled``: bool per carrier; ``serves``: bool by (class, carrier).
    ``memo`` belongs to ``router.brain.plan``, which keeps there what it computed for the newest board.
    A deck does not change; new settings make a new deck.
    """

    __slots__ = ("_carriers", "_lengths", "_prefixes", "_rows", "enabled", "index", "memo", "names", "serves")

    def __init__(self, profiles: Sequence[CarrierProfile]) -> None:
        ordered = sorted(profiles, key=lambda profile: profile.name)
        self.names: tuple[str, ...] = tuple(profile.name for profile in ordered)
        self.index: Mapping[str, int] = {name: place for place, name in enumerate(self.names)}
        self.enabled = np.array([profile.enabled for profile in ordered], dtype=bool)
        self.serves = np.zeros((len(MessageClass), len(ordered)), dtype=bool)
        for place, profile in enumerate(ordered):
            for word in profile.classes:
                self.serves[CLASS_BY_WORD[word], place] = True
        self._carriers = tuple(_Terms(profile) for profile in ordered)
        self._prefixes = frozenset(prefix for terms in self._carriers for prefix in terms.prefixes)
        self._lengths = tuple(sorted({len(prefix) for prefix in self._prefixes}, reverse=True))
        self._rows: dict[tuple[str, str, str], Micros] = {}
        self.memo: Any = None

    @classmethod
    def compile(cls, settings: Settings) -> "Deck":
        """The deck of these settings."""
        return cls(settings.carriers)

    def prefix(self, number: str) -> str:
        """The longest prefix of ``number`` that any carrier mentions; "" when none does."""
        for length in self._lengths:
            head = number[:length]
            if head in self._prefixes:
                return head
        return ""

    def prices(self, network: str, country: str, prefix: str) -> Micros:
        """Micros a segment by carrier for a context, ``NOT_COVERED`` where the carrier does not go. Do not write to it."""
        key = (network, country, prefix)
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= ROWS_LIMIT:
                self._rows.clear()
            quotes = [terms.quote(network, country, prefix, self._lengths) for terms in self._carriers]
            row = np.array(quotes, dtype=np.int64)
            row.flags.writeable = False
            self._rows[key] = row
        return row

    def quote(self, carrier: str, number: str, network: str, country: str, segments: int) -> int | None:
        """What the whole message costs at ``carrier``, in micros; None: it does not go there, is disabled, or is not known.

        A carrier that covers the destination and has no matching price is free if it has no prices at all (nobody set any);
        if it has some, the destination is not in its price list, and it is not covered.
        """
        place = self.index.get(carrier)
        if place is None or not self.enabled[place]:
            return None
        price = int(self.prices(network, country, self.prefix(number))[place])
        return None if price == NOT_COVERED else price * segments

    def carriers_for(self, number: str, network: str, country: str, klass: MessageClass) -> tuple[str, ...]:
        """The enabled carriers that take this class to this destination, cheapest first, then by name."""
        row = self.prices(network, country, self.prefix(number))
        able = np.flatnonzero((row != NOT_COVERED) & self.enabled & self.serves[klass])
        return tuple(self.names[place] for place in able[np.argsort(row[able], kind="stable")])


class _Terms:
    """One carrier's covers and prices as dictionaries by kind of destination."""

    __slots__ = ("covers", "free", "prices")

    def __init__(self, profile: CarrierProfile) -> None:
        self.covers = frozenset(profile.covers)
        # Two prices for one destination: the later line of the file wins, as in any table that is read downwards.
        self.prices = {price.to: price.micros for price in profile.prices}
        self.free = not self.prices

    @property
    def prefixes(self) -> frozenset[str]:
        """Every number prefix mentioned."""
        return frozenset(to for to in (*self.covers, *self.prices) if to.isdigit())

    def quote(self, network: str, country: str, prefix: str, lengths: Sequence[int]) -> int:
        """Micros a segment, or ``NOT_COVERED``."""
        heads = [prefix[:length] for length in lengths if length <= len(prefix)]
        places = (f"net:{network}", *heads, country, "*")
        if self.covers.isdisjoint(places):
            return NOT_COVERED
        if self.free:
            return 0
        return next((self.prices[place] for place in places if place in self.prices), NOT_COVERED)
