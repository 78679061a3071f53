"""Times as SMPP writes them (SMPP 3.4, 7.1.1): sixteen characters, absolute with an offset or relative.

"261122124557000+" is 22 November 2026, 12:45:57 and no tenths, no quarter hours ahead of UTC. "000000010000000R" is an hour.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_FORM: Final = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9])([0-9]{2})([+\-R])", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_QUARTER: Final = timedelta(minutes=15)
_MOST_QUARTERS: Final = 48  # 7.1.1.1: 00 to 48
_YEAR_DAYS: Final = 365
_MONTH_DAYS: Final = 30  # as this system writes relative times


def is_time(text: str) -> bool:
    """Whether a field is empty or a time."""
    return not text or moment_ms(text, 0) is not None


def moment_ms(text: str, from_ms: int) -> int | None:
    """Milliseconds since 1970 of a time; relative ones count from ``from_ms``. None for a text that is no time."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, tenth, quarters = map(int, found.groups()[:8])
    if found[9] == "R":
        days = year * _YEAR_DAYS + month * _MONTH_DAYS + day
        return from_ms + ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1_000
    if quarters > _MOST_QUARTERS:
        return None
    try:
        local = datetime(2000 + year, month, day, hour, minute, second, tenth * 100_000, tzinfo=UTC)
    except ValueError:
        return None
    return (local - _QUARTER * (quarters if found[9] == "+" else -quarters) - _EPOCH) // _MS


def absolute(at_ms: int) -> str:
    """A moment as an absolute time in UTC."""
    at = _EPOCH + at_ms * _MS
    return f"{at:%y%m%d%H%M%S}{at.microsecond // 100_000}00+"
