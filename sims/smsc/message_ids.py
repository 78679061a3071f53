"""Message ids in the forms that carriers use."""

from typing import Final
from uuid import UUID

from sims.smsc.temperament import IdForm

PADDED_DIGITS: Final = 16


def write_id(number: int, form: IdForm) -> str:
    """A message's number as an id: ``1234567``, ``12d687``, ``0000000001234567`` or a UUID."""
    match form:
        case "decimal":
            return str(number)
        case "hex":
            return f"{number:x}"
        case "padded":
            return f"{number:0{PADDED_DIGITS}d}"
        case "uuid":
            # version and variant bits set as for a random one (RFC 9562, 5.4); the multiplier spreads the number over all
            spread = number * 0x9E3779B97F4A7C15F39CC0605CEDC835 & (1 << 128) - 1
            return str(UUID(int=spread, version=4))
