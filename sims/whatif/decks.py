"""Other prices: a settings file (TOML), or a table with the columns carrier, to and micros (CSV)."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from router.config import ConfigError, parse_settings
from router.model import MessageClass
from router.routes import Deck
from router.setting import Micros
from router.settings import CarrierProfile, Price, Settings
from sims.whatif.files import FileFault, fault
from sims.whatif.log import NOT_OFFERED, Ints, Log

HEADS: Final = ("carrier", "to", "micros")
_DIGITS: Final = re.compile(r"[0-9]+")
NOBODYS: Final = ("127.0.0.1:1",)  # profiles of a table of prices have addresses that are never used


def read_settings(path: Path) -> Settings:
    """The settings of a TOML file; raises ``FileFault``."""
    try:
        return parse_settings(path.read_text("utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise FileFault(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except ConfigError as error:
        raise FileFault("\n".join(error.problems)) from error


def read_deck(path: Path) -> tuple[CarrierProfile, ...]:
    """The carriers of a deck, with their prices; raises ``FileFault``, which names the row and column."""
    if path.suffix == ".toml":
        return read_settings(path).carriers
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileFault(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return table(text, path)


def table(text: str, path: Path) -> tuple[CarrierProfile, ...]:
    """A table of prices: what a segment costs at a carrier to ``net:MCCMNC``, a country or ``*``."""
    lines = csv.reader(io.StringIO(text, newline=""))
    heads = [head.strip() for head in next(lines, [])]
    missing = [head for head in HEADS if head not in heads]
    if missing:
        raise FileFault(f"{path} has no column {missing[0]!r}: a deck has the columns {', '.join(HEADS)}")
    places = [heads.index(head) for head in HEADS]
    prices: dict[str, list[Price]] = {}
    for number, line in enumerate(lines, 1):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(heads):
            raise FileFault(f"{path}, row {number}: {len(line)} fields, where the first line names {len(heads)}")
        carrier, to, micros = (line[place].strip() for place in places)
        if not carrier:
            raise FileFault(fault(path, number, "carrier", "this is empty"))
        prices.setdefault(carrier, []).append(_price(path, number, to, micros))
    if not prices:
        raise FileFault(f"{path} has no prices")
    return tuple(
        CarrierProfile(name=name, addresses=NOBODYS, system_id="", prices=tuple(found)) for name, found in prices.items()
    )


def _price(path: Path, number: int, to: str, micros: str) -> Price:
    if not _DIGITS.fullmatch(micros):
        raise FileFault(fault(path, number, "micros", f"expected a whole number of millionths, not {micros[:40]!r}"))
    try:
        msgspec.convert(int(micros), Micros)
        return msgspec.convert({"to": to, "micros": int(micros)}, Price)
    except msgspec.ValidationError as error:
        column = "to" if "$.to" in str(error) else "micros"
        raise FileFault(fault(path, number, column, str(error).partition(" - at")[0])) from None


def prefixed(profiles: Sequence[CarrierProfile], carriers: Sequence[str]) -> tuple[str, ...]:
    """Of these carriers those whose cover or price depends on digits of the number, which records do not have."""
    return tuple(
        one.name
        for one in profiles
        if one.name in carriers and any(to[:1].isdigit() for to in (*one.covers, *(p.to for p in one.prices)))
    )


def prices_of(log: Log, profiles: Sequence[CarrierProfile]) -> Ints:
    """What each case's message would cost at each carrier of the log: (U, C), ``NOT_OFFERED`` where it does not go by these profiles."""
    deck = Deck([one for one in profiles if one.name in log.carriers])
    place = np.array([log.carriers.index(name) for name in deck.names], dtype=np.int64)
    found = np.full(log.price.shape, NOT_OFFERED, dtype=np.int64)
    rows: dict[tuple[str, str, MessageClass], Ints] = {}
    for number, case in enumerate(log.cases):
        key = case.network, case.country, case.klass
        if key not in rows:
            unit = deck.prices(case.network, case.country, "")
            rows[key] = np.where(deck.serves[case.klass] & deck.enabled & (unit >= 0), unit, NOT_OFFERED)
        found[number, place] = np.where(rows[key] >= 0, rows[key] * case.segments, NOT_OFFERED)
    return found


def speeds_of(log: Log, profiles: Sequence[CarrierProfile]) -> Ints:
    """Contracted segments a second by carrier of the log: the profiles' where they say one, else as the records tell."""
    told: Mapping[str, int] = {one.name: one.speed_mps for one in profiles if one.speed_mps}
    return np.array([told.get(name, int(speed)) for name, speed in zip(log.carriers, log.speed_mps, strict=True)], dtype=np.int64)
