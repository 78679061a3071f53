"""What settings are made of: the base of every table of the file, and the types that several tables share."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(ge=0, le=30 * 86_400)]
Count = Annotated[int, Meta(ge=1, le=10_000)]
Micros = Annotated[int, Meta(ge=0, le=10**12)]  # millionths of the system's currency
Port = Annotated[int, Meta(ge=0, le=65_535)]  # 0: any free one
NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,31}$"
Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
Octet = Annotated[int, Meta(ge=0, le=255)]
ClassWord = Literal["otp", "transactional", "marketing"]
# "*", the first digits of numbers, a country, net:MCCMNC
Destination = Annotated[str, Meta(pattern=r"^(\*|[1-9][0-9]{0,14}|[A-Z]{2}|net:[0-9]{5,6})$")]


class Setting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the file."""
