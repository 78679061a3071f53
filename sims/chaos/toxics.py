"""What can be wrong with one direction of a link, in the words of Shopify's toxiproxy. Pure: octets and times in, pieces out.

A toxic obeys the physics of TCP: it may delay, fragment, stall or cut; it never reorders, alters or leaves out.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from math import inf
from random import Random
from typing import Final, NamedTuple, Protocol

GRAIN_S: Final = 0.05  # a slow link passes on so much of a second's octets at once


class Cut(Enum):
    """How a connection ends."""

    CLOSE = "close"
    RESET = "reset"  # RST: what was written and not yet read is gone


class Piece(NamedTuple):
    """Octets that travel together, and the end of the connection after them."""

    at_s: float  # they arrive no earlier; inf: not while the toxic is there
    octets: bytes
    cut: Cut | None = None


class Effect:
    """A toxic at work on one direction of one connection. This one does nothing."""

    cut_at_s: float = inf  # the connection is cut then, whether anything travels or not
    reset: bool = False  # how
    holds: bool = False  # nothing passes while it is there

    def pass_on(self, piece: Piece) -> Iterable[Piece]:
        """What becomes of a piece."""
        return (piece,)


class Toxic(Protocol):
    """What is set on a proxy."""

    def begin(self, rng: Random, now_s: float) -> Effect:
        """At work from now on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Everything comes later: by ``latency_s``, more or less by up to ``jitter_s``."""

    latency_s: float
    jitter_s: float = 0.0

    def begin(self, rng: Random, now_s: float) -> Effect:  # noqa: ARG002 (the protocol's)
        """See ``Toxic``."""
        return _Late(self, rng)


class _Late(Effect):
    def __init__(self, toxic: Latency, rng: Random) -> None:
        self._toxic, self._rng = toxic, rng

    def pass_on(self, piece: Piece) -> Iterable[Piece]:
        by_s = self._toxic.latency_s + self._rng.uniform(-self._toxic.jitter_s, self._toxic.jitter_s)
        return (piece._replace(at_s=piece.at_s + max(0.0, by_s)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth:
    """A slow link."""

    octets_per_s: float

    def begin(self, rng: Random, now_s: float) -> Effect:  # noqa: ARG002 (the protocol's)
        """See ``Toxic``."""
        return _Narrow(self.octets_per_s)


class _Narrow(Effect):
    def __init__(self, octets_per_s: float) -> None:
        self._speed = octets_per_s
        self._grain = max(1, int(octets_per_s * GRAIN_S))
        self._free_s = 0.0

    def pass_on(self, piece: Piece) -> Iterator[Piece]:
        for octets, cut in _sliced(piece, lambda: self._grain):
            self._free_s = max(self._free_s, piece.at_s) + len(octets) / self._speed
            yield Piece(self._free_s, octets, cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicer:
    """Slices of ``size`` octets, more or less by up to ``variation``, ``pause_s`` apart: PDUs arrive in pieces."""

    size: int
    variation: int = 0
    pause_s: float = 0.0

    def begin(self, rng: Random, now_s: float) -> Effect:  # noqa: ARG002 (the protocol's)
        """See ``Toxic``."""
        return _Sliced(self, rng)


class _Sliced(Effect):
    def __init__(self, toxic: Slicer, rng: Random) -> None:
        self._toxic, self._rng = toxic, rng

    def _size(self) -> int:
        return max(1, self._toxic.size + self._rng.randint(-self._toxic.variation, self._toxic.variation))

    def pass_on(self, piece: Piece) -> Iterator[Piece]:
        at_s = piece.at_s
        for octets, cut in _sliced(piece, self._size):
            yield Piece(at_s, octets, cut)
            at_s += self._toxic.pause_s


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing passes, not even the end of the connection, and nobody is told: half of a half-open link. Taken away, all goes on."""

    def begin(self, rng: Random, now_s: float) -> Effect:  # noqa: ARG002 (the protocol's)
        """See ``Toxic``."""
        return _Stalled()


class _Stalled(Effect):
    holds = True

    def pass_on(self, piece: Piece) -> Iterable[Piece]:
        return (piece._replace(at_s=inf),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """Nothing passes, and after ``after_s`` the connection is closed."""

    after_s: float

    def begin(self, rng: Random, now_s: float) -> Effect:  # noqa: ARG002 (the protocol's)
        """See ``Toxic``."""
        effect = _Stalled()
        effect.cut_at_s = now_s + self.after_s
        return effect


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPeer:
    """After ``after_s`` the connection is reset."""

    after_s: float = 0.0

    def begin(self, rng: Random, now_s: float) -> Effect:  # noqa: ARG002 (the protocol's)
        """See ``Toxic``."""
        effect = Effect()
        effect.cut_at_s, effect.reset = now_s + self.after_s, True
        return effect


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitData:
    """After so many octets the connection ends, wherever in a PDU that is."""

    octets: int
    reset: bool = False

    def begin(self, rng: Random, now_s: float) -> Effect:  # noqa: ARG002 (the protocol's)
        """See ``Toxic``."""
        return _Limited(self)


class _Limited(Effect):
    def __init__(self, toxic: LimitData) -> None:
        self._left = toxic.octets
        self._cut = Cut.RESET if toxic.reset else Cut.CLOSE

    def pass_on(self, piece: Piece) -> Iterable[Piece]:
        if len(piece.octets) < self._left:
            self._left -= len(piece.octets)
            return (piece,)
        octets, self._left = piece.octets[: self._left], 0
        return (Piece(piece.at_s, octets, self._cut),)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowClose:
    """The end of the connection is passed on only after ``delay_s``."""

    delay_s: float

    def begin(self, rng: Random, now_s: float) -> Effect:  # noqa: ARG002 (the protocol's)
        """See ``Toxic``."""
        return _Lingering(self.delay_s)


class _Lingering(Effect):
    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    def pass_on(self, piece: Piece) -> Iterable[Piece]:
        if piece.cut is None:
            return (piece,)
        end = Piece(piece.at_s + self._delay_s, b"", piece.cut)
        return (Piece(piece.at_s, piece.octets), end) if piece.octets else (end,)


def _sliced(piece: Piece, size: Callable[[], int]) -> Iterator[tuple[bytes, Cut | None]]:
    """Slices in order; the cut comes with the last."""
    octets = piece.octets
    while True:
        slice_, octets = octets[: (end := size())], octets[end:]
        yield slice_, None if octets else piece.cut
        if not octets:
            return
