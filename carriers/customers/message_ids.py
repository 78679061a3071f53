"""Message ids as SMPP customers see them: "M" and the 26 characters of the id, and behind it "-2" for the second of several parts.

No leading zero, capitals and digits and one dash, 32 characters or fewer: clients strip zeros, change case or cut what is longer.
"""

import re
from typing import Final

from router.ids import InvalidId, MessageId, from_text, to_text

MARK: Final = "M"

_FORM: Final = re.compile(r"[Mm]([0-9A-Za-z]{26})(?:-([1-9][0-9]{0,2}))?", re.ASCII)
_MOST_PARTS: Final = 255


def id_text(message_id: MessageId, part: int = 0) -> str:
    """The id as answered; ``part``: 1 to 255 of a message that came in several parts, 0 of one that came whole."""
    text = MARK + to_text(message_id)
    return f"{text}-{part}" if part else text


def read_id(text: str) -> tuple[MessageId, int] | None:
    """(id, part or 0) of an id that ``id_text`` can have written, in capitals or not; None for any other text."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    part = int(found[2] or 0)
    if part > _MOST_PARTS:
        return None
    try:
        return from_text(found[1]), part
    except InvalidId:
        return None
