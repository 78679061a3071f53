"""Destinations as settings name them: "*", the first digits of numbers, a country, or a network."""

import re
from types import MappingProxyType
from typing import Final

from router.config_shape import PATTERN_WORDS, get_pattern
from router.setting import Destination

_PATTERN: Final = get_pattern(Destination)
_NOT_ISO: Final = MappingProxyType({"UK": "GB", "EL": "GR"})  # codes in common use that ISO 3166 does not have


def destination_fault(target: str) -> str:
    """What is wrong with a destination, as the end of a sentence that begins with its key; "": nothing."""
    if not re.fullmatch(_PATTERN, target):
        return f"{PATTERN_WORDS[_PATTERN]}, not {target!r}"
    if target in _NOT_ISO:
        return f"must be a country of ISO 3166: did you mean {_NOT_ISO[target]!r}?"
    if target.startswith("net:") and not is_network(target.removeprefix("net:")):
        return f"must begin with a mobile country code (2xx to 7xx or 9xx), not {target!r}"
    return ""


def is_network(mcc_mnc: str) -> bool:
    """Whether digits can be an MCC-MNC (ITU-T E.212: 2 to 7 are regions, 9 is shared, 001 is for tests)."""
    return mcc_mnc[0] in "2345679" or mcc_mnc.startswith("001")
