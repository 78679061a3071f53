"""Optional parameters of vendors, as users write them: a tag "0x1400" to "0x3FFF" and its octets in hexadecimal.

The range is the one that SMPP 3.4 (5.3.2) leaves to vendors; India's registry of senders, for one, asks for 0x1400 (who sends) and
0x1401 (which template) on every submit_sm.
"""

import re
from collections.abc import Mapping
from typing import Final

TAG_PATTERN: Final = r"^0x(1[4-9A-Fa-f]|[23][0-9A-Fa-f])[0-9A-Fa-f]{2}(?![\s\S])"
VALUE_PATTERN: Final = r"^([0-9A-Fa-f]{2}){0,255}(?![\s\S])"
TLVS_LIMIT: Final = 16  # of one message or profile: no registry asks for more than three

_TAG: Final = re.compile(TAG_PATTERN)
_VALUE: Final = re.compile(VALUE_PATTERN)


def tlv_fault(tag: str, value: str) -> str:
    """What is wrong with one, as the end of a sentence that begins with it; "" when nothing is."""
    if not _TAG.match(tag):
        return "must be a tag from 0x1400 to 0x3FFF"
    return "" if _VALUE.match(value) else "must be up to 255 octets in hexadecimal"


def parse_tlvs(given: Mapping[str, str]) -> dict[int, bytes]:
    """Tag → octets, of what has no ``tlv_fault``."""
    return {int(tag, 16): bytes.fromhex(value) for tag, value in given.items()}
