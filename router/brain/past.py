"""The last day of the board, thinned: a sample every ten seconds for an hour, every minute for a day.

Samples stand in chunks, each one value of the journal that lives as long as it is asked for; a chunk is written anew with each sample, and
goes on where a process before has left it. A sample holds the carriers and the ``MOST_PLACES`` places with the most observations (each
carrier's own first), as small integers: at 300 places some 6 kB, 11 MB in all.
"""

from typing import Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from router.brain.ages import CLASSES
from router.brain.networks import WORLD
from router.brain.port import Board, CarrierView

VERSION: Final = 1
MOST_PLACES: Final = 300
_BREAKERS: Final = ("closed", "open", "half_open")


class Grain(NamedTuple):
    """One fineness of history."""

    name: str
    every_s: float
    keep_s: float
    chunk_s: float


FINE: Final = Grain("fine", 10.0, 3_600.0, 300.0)
COARSE: Final = Grain("coarse", 60.0, 86_400.0, 3_600.0)
GRAINS: Final = (FINE, COARSE)


class Standing(Struct, frozen=True, array_like=True):
    """A carrier at a time."""

    breaker: int
    suspect: bool
    trust: int  # thousandths
    submitted: int
    delivered: int
    undelivered: int
    pending: int


class Sample(Struct, frozen=True, array_like=True):
    """The board at a time. ``cells``: place number to success in thousandths and wait in tenths of a second, class by class."""

    at_s: float
    carriers: dict[str, Standing]
    cells: dict[int, tuple[int, ...]]


class Chunk(Struct, array_like=True):
    """Samples in order of time; ``places``: "carrier|network" by number."""

    version: int
    places: list[str]
    samples: list[Sample]


class Point(NamedTuple):
    """One carrier at one time, towards one network."""

    at_s: float
    carrier: str
    breaker: str
    suspect: bool
    trust: float
    submitted: int
    delivered: int
    undelivered: int
    pending: int
    success: tuple[float, ...] | None  # by class; None: the place was not among those kept
    wait_s: tuple[float, ...] | None


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Chunk)


def value_name(grain: Grain, at_s: float) -> str:
    """The journal's value that holds the chunk of a time."""
    return f"board:{grain.name}:{int(at_s // grain.chunk_s)}"


def value_names(grain: Grain, since_s: float, now_s: float) -> list[str]:
    """The values that hold samples of this span, oldest first."""
    begin, end = int(since_s // grain.chunk_s), int(now_s // grain.chunk_s)
    return [f"board:{grain.name}:{slot}" for slot in range(begin, end + 1)]


def read_chunk(octets: bytes | None) -> Chunk:
    """A chunk; empty where there is none, or none that this release can read."""
    try:
        found = _decoder.decode(octets) if octets else None
    except msgspec.DecodeError:
        found = None
    return found if found is not None and found.version == VERSION else Chunk(VERSION, [], [])


class Past:
    """The chunks under way, one of each grain."""

    def __init__(self) -> None:
        self._chunks: dict[str, Chunk] = {}  # by the value's name

    def resume(self, name: str, octets: bytes | None) -> None:
        """Go on with a chunk that a process before has left."""
        self._chunks[name] = read_chunk(octets)

    def take(self, board: Board, now_s: float) -> list[tuple[str, bytes, float]]:
        """Sample a board where it is time; returns the values to be kept: name, octets, how long."""
        values = []
        for grain in GRAINS:
            name = value_name(grain, now_s)
            chunk = self._chunks.get(name)
            if chunk is None:
                # What this one's predecessor held is in the journal.
                self._chunks = {
                    other: kept for other, kept in self._chunks.items() if not other.startswith(f"board:{grain.name}:")
                }
                chunk = self._chunks[name] = Chunk(VERSION, [], [])
            # On a grid, so that samples of two processes do not crowd.
            if chunk.samples and now_s // grain.every_s <= chunk.samples[-1].at_s // grain.every_s:
                continue
            chunk.samples.append(_sample(board, now_s, chunk.places))
            values.append((name, _encoder.encode(chunk), grain.keep_s + grain.chunk_s))
        return values


def points(chunk: Chunk, since_s: float, carrier: str, network: str) -> list[Point]:
    """The samples of a chunk as points, of one carrier or (with "") of all, towards a network (with "": the world)."""
    number = {place: index for index, place in enumerate(chunk.places)}
    found = []
    for sample in chunk.samples:
        if sample.at_s < since_s:
            continue
        for name, standing in sample.carriers.items():
            if carrier in {"", name}:
                cell = sample.cells.get(number.get(f"{name}|{network or WORLD}", -1))
                found.append(_point(sample.at_s, name, standing, cell))
    return found


def _point(at_s: float, name: str, standing: Standing, cell: tuple[int, ...] | None) -> Point:
    classes = len(CLASSES)
    return Point(
        at_s,
        name,
        _BREAKERS[standing.breaker] if standing.breaker < len(_BREAKERS) else "closed",
        standing.suspect,
        standing.trust / 1000,
        standing.submitted,
        standing.delivered,
        standing.undelivered,
        standing.pending,
        None if cell is None else tuple(value / 1000 for value in cell[:classes]),
        None if cell is None else tuple(value / 10 for value in cell[classes:]),
    )


def _sample(board: Board, now_s: float, places: list[str]) -> Sample:
    """A board as a sample; places that are new get their numbers in ``places``."""
    known = {place: index for index, place in enumerate(places)}
    carrier, scope, (p, wait_s, weight, _) = board.cells.columns
    narrow = np.array([name != WORLD for name in board.cells.scopes], dtype=bool)[scope]
    ranked = np.lexsort((-np.nan_to_num(weight).max(axis=0), narrow)) if len(scope) else scope
    cells: dict[int, tuple[int, ...]] = {}
    for pair in ranked[:MOST_PLACES].tolist():
        figures = np.concatenate((p[:, pair] * 1000, wait_s[:, pair] * 10))
        if np.isnan(figures).any():
            continue
        place = f"{board.cells.carriers[carrier[pair]]}|{board.cells.scopes[scope[pair]]}"
        number = known.get(place)
        if number is None:
            number = known[place] = len(places)
            places.append(place)
        cells[number] = tuple(np.rint(figures).astype(np.int64).tolist())
    return Sample(round(now_s, 1), {name: _standing(view) for name, view in board.carriers.items()}, cells)


def _standing(view: CarrierView) -> Standing:
    breaker = _BREAKERS.index(view.breaker) if view.breaker in _BREAKERS else 0
    return Standing(
        breaker,
        view.suspect,
        round(view.trust * 1000),
        view.submitted,
        view.delivered,
        view.undelivered,
        round(view.pending),
    )
