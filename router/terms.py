"""Settings compiled for intake: what a front looks up for every message, built once per change of the settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from router.keys import KeyRing
from router.model import MessageClass
from router.numbers import NetworkTable
from router.routes import NOT_COVERED, Deck
from router.settings import ClassRules, Settings, Tenant

QUOTES_LIMIT: Final = 65_536  # destinations whose cheapest price is remembered, as in router.routes


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """All that intake and the API ask of the settings. Replaced as a whole when they change."""

    version: int
    settings: Settings
    tenants: Mapping[str, Tenant]
    keys: KeyRing
    networks: NetworkTable
    deck: Deck
    rules: tuple[ClassRules, ...]  # by class number
    _quotes: dict[tuple[str, str, str, MessageClass], int] = field(default_factory=dict)

    @classmethod
    def compile(cls, settings: Settings, *, version: int = 0, secret: bytes = b"") -> "Terms":
        """Build every table. ``secret``: octets that key the cache of keys, the same or new ones each time."""
        return cls(
            version=version,
            settings=settings,
            tenants={tenant.id: tenant for tenant in settings.tenants},
            keys=KeyRing(settings.keys, secret=secret),
            networks=NetworkTable(settings.networks),
            deck=Deck.compile(settings),
            rules=tuple(settings.rules(klass) for klass in MessageClass),
        )

    def quote(self, number: str, network: str, country: str, klass: MessageClass, segments: int) -> int | None:
        """What the message costs at the cheapest carrier that takes it, in micros: an estimate, as the one that carries it may be another.

        None: no enabled carrier takes this class to this destination.
        """
        deck = self.deck
        key = (network, country, deck.prefix(number), klass)
        micros = self._quotes.get(key)
        if micros is None:
            row = deck.prices(network, country, key[2])
            able = row[(row != NOT_COVERED) & deck.enabled & deck.serves[klass]]
            micros = int(able.min()) if able.size else NOT_COVERED
            if len(self._quotes) >= QUOTES_LIMIT:
                self._quotes.clear()
            self._quotes[key] = micros
        return None if micros == NOT_COVERED else micros * segments
