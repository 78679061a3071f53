"""The cells of a board: what is expected of each carrier towards each network in each class, as columns.

A board of 20 carriers and 200 networks has 16,000 cells. As values of their own they took 15 ms to make, 10 ms to read and as long again to be put
into rows by carrier, twice a second in every process; as columns of float64 they are copied, and looked at where they lie.
"""

import math
from collections.abc import Iterator, KeysView, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from router.brain.ages import CLASSES, Floats, Ints
from router.model import MessageClass

FIGURES: Final = 4
_NUMBER: Final = np.dtype("<i4")
_FIGURE: Final = np.dtype("<f8")


class Cell(Struct, frozen=True, array_like=True):
    """What is expected of one carrier towards one network in one class."""

    p: float  # probability of a positive receipt within the class's deadline
    wait_s: float  # expected seconds waited up to the deadline
    weight: float  # effective observations behind it
    sd: float  # spread of the posterior of p, for exploration


class Columns(NamedTuple):
    """The octets of ``Cells`` as arrays; read only."""

    carrier: NDArray[np.int32]  # by pair: its place in ``Cells.carriers``
    scope: NDArray[np.int32]  # and in ``Cells.scopes``
    figures: Floats  # (4, classes, pairs): p, wait_s, weight and sd; NaN where there is no cell


class Cells(Struct, frozen=True, array_like=True, dict=True):
    """Cells of pairs of carrier and scope, each with all classes; a mapping from "carrier|scope|class number" for those who want a few.

    A scope is a network, a country (its MCC) or "*": who has never been seen towards a network is known by what is wider. Octets are
    little-endian: two int32 a pair (all carriers, then all scopes), float64 figures as in ``Columns``.
    """

    carriers: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    pairs: bytes = b""
    figures: bytes = b""

    def __post_init__(self) -> None:
        """Octets that do not fit each other raise ``ValueError``, which msgspec tells as its own."""
        count = len(self.pairs) // (2 * _NUMBER.itemsize)
        sizes = (2 * count * _NUMBER.itemsize, FIGURES * len(CLASSES) * count * _FIGURE.itemsize)
        if (len(self.pairs), len(self.figures)) != sizes:
            raise ValueError("columns of different lengths")
        if count:
            carrier, scope, _ = self.columns
            if carrier.min() < 0 or scope.min() < 0 or carrier.max() >= len(self.carriers) or scope.max() >= len(self.scopes):
                raise ValueError("a pair without a name")

    @classmethod
    def of(cls, cells: Mapping[str, Cell]) -> "Cells":
        """From "carrier|scope|class number"."""
        places: dict[tuple[str, str], int] = {}
        carriers: dict[str, int] = {}
        scopes: dict[str, int] = {}
        entries = []
        for key, cell in cells.items():
            carrier, scope, klass = key.split("|")
            carriers.setdefault(carrier, len(carriers))
            scopes.setdefault(scope, len(scopes))
            entries.append((places.setdefault((carrier, scope), len(places)), int(klass), cell))
        figures = np.full((FIGURES, len(CLASSES), len(places)), np.nan)
        for pair, number, cell in entries:
            figures[:, number, pair] = cell.p, cell.wait_s, cell.weight, cell.sd
        pairs = [[carriers[carrier] for carrier, _ in places], [scopes[scope] for _, scope in places]]
        return cls.packed(tuple(carriers), tuple(scopes), np.array(pairs, dtype=np.int64), figures)

    @classmethod
    def packed(cls, carriers: Sequence[str], scopes: Sequence[str], pairs: Ints, figures: Floats) -> "Cells":
        """From arrays: ``pairs`` (2, pairs), ``figures`` as in ``Columns``."""
        octets = np.ascontiguousarray(pairs, dtype=_NUMBER).tobytes(), np.ascontiguousarray(figures, dtype=_FIGURE).tobytes()
        return cls(tuple(carriers), tuple(scopes), *octets)

    @cached_property
    def columns(self) -> Columns:
        """The octets as arrays, not copied."""
        carrier, scope = np.frombuffer(self.pairs, dtype=_NUMBER).reshape(2, -1)
        figures = np.frombuffer(self.figures, dtype=_FIGURE).reshape(FIGURES, len(CLASSES), len(carrier))
        return Columns(carrier, scope, figures)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The pair of each "carrier|scope"."""
        carrier, scope, _ = self.columns
        return {
            f"{self.carriers[c]}|{self.scopes[s]}": pair
            for pair, (c, s) in enumerate(zip(carrier.tolist(), scope.tolist(), strict=True))
        }

    def __len__(self) -> int:
        return int(np.count_nonzero(~np.isnan(self.columns.figures[0])))

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.items())

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def __getitem__(self, key: str) -> Cell:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def get(self, key: str) -> Cell | None:
        """The cell of "carrier|scope|class number", if there is one."""
        place, _, klass = key.rpartition("|")
        pair = self.places.get(place)
        return None if pair is None else next((cell for other, cell in self.of_pair(pair) if other == int(klass)), None)

    def of_pair(self, pair: int) -> Iterator[tuple[MessageClass, Cell]]:
        """The cells of one pair, class by class."""
        for klass, (p, wait_s, weight, sd) in zip(CLASSES, self.columns.figures[:, :, pair].T.tolist(), strict=True):
            if not math.isnan(p):
                yield klass, Cell(p, wait_s, weight, sd)

    def keys(self) -> KeysView[str]:
        """As of a mapping."""
        return dict.fromkeys(self).keys()

    def values(self) -> Iterator[Cell]:
        """As of a mapping."""
        return (cell for _, cell in self.items())

    def items(self) -> Iterator[tuple[str, Cell]]:
        """All cells, pair by pair."""
        return ((f"{place}|{int(klass)}", cell) for place, pair in self.places.items() for klass, cell in self.of_pair(pair))
