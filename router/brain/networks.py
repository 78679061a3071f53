"""From a network to the wider places whose habits it shares: its country, then the world.

A network is MCC-MNC digits (ITU-T E.212: three digits of country, two or three of network) or, where it is not known, an ISO
country code. The brain's country is the MCC, so it needs no table of countries; the few countries that have several MCCs and
one market are folded into the first.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

WORLD: Final = "*"

# ITU-T E.212, annex to Operational Bulletin: further MCCs of one country.
_SAME: Final[Mapping[str, str]] = MappingProxyType(
    {"235": "234", "311": "310", "312": "310", "313": "310", "314": "310", "315": "310", "316": "310"}
    | {"405": "404", "406": "404", "441": "440", "461": "460"}
)


def country_of(network: str) -> str:
    """The MCC of a network, or the network itself where it is a country already."""
    head = network[:3]
    return _SAME.get(head, head) if network.isdigit() and len(network) > 3 else network


def scopes(network: str) -> tuple[str, ...]:
    """The network, its country and the world, narrowest first, without repeats."""
    country = country_of(network)
    return (network, WORLD) if country == network else (network, country, WORLD)
