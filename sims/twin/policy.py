"""What a policy sees and what it answers: no more than a router in production would see."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple, Protocol, runtime_checkable

import numpy as np

from sims.twin.values import CLASSES, Bools, Floats, Ints

# How much of a lane each class may fill, as production's dispatchers have it.
CLASS_SHARE: Final = (1.0, 0.9, 0.75)
LANE_S: Final = 0.5  # a lane holds what the carrier takes in so long
LANE_LEAST: Final = 10.0
NOWHERE: Final = -1


class Seen(IntEnum):
    """What can be seen of an attempt, or of a carrier."""

    SUBMITTED = 1
    DELIVERED = 2
    UNDELIVERED = 3
    REFUSED = 4
    LINK_DOWN = 5
    LINK_UP = 6
    CONVERTED = 7  # the tenant tells that the code was used


class Event(NamedTuple):
    """One thing seen. ``age_s``: since the submit was written; ``item`` is -1 for links."""

    at_s: float
    seen: Seen
    place: int  # of the carrier
    item: int = -1  # of the message
    network: int = 0
    klass: int = 0
    age_s: float = 0.0
    first: bool = True  # not the second attempt of a message


class Item:
    """A message that wants a carrier. ``tried``: the carriers that refused it, newest last."""

    __slots__ = ("at_s", "klass", "network", "number", "reports", "tried")

    def __init__(self, number: int, at_s: float, network: int, klass: int, reports: bool) -> None:
        self.number = number
        self.at_s = at_s
        self.network = network
        self.klass = klass
        self.reports = reports  # its tenant tells of conversions
        self.tried: tuple[int, ...] = ()


class Pick(NamedTuple):
    """Where a message goes (``NOWHERE``: it waits) and whether that was to learn something."""

    place: int
    explored: bool = False


WAIT: Final = Pick(NOWHERE)


class Room:
    """What each carrier takes now: a bucket that its contracted speed fills, with a reserve for the higher classes."""

    __slots__ = ("_depth", "_reserve", "_speed_mps", "tokens", "up")

    def __init__(self, speed_mps: Sequence[float]) -> None:
        self.tokens: list[float] = []
        self.up = [True] * len(speed_mps)
        self.speeds(speed_mps)
        self.tokens = list(self._depth)

    def speeds(self, speed_mps: Sequence[float]) -> None:
        """Other speeds from now on."""
        self._speed_mps = list(speed_mps)
        self._depth = [max(LANE_LEAST, speed * LANE_S) for speed in speed_mps]
        self._reserve = [[(1.0 - share) * depth for depth in self._depth] for share in CLASS_SHARE]
        self.tokens = [min(token, depth) for token, depth in zip(self.tokens, self._depth, strict=False)]

    def speed(self, place: int, klass: int) -> float:
        """Messages of the class a second for which it makes room."""
        return self._speed_mps[place] * CLASS_SHARE[klass] if self.up[place] else 0.0

    def refill(self, lapse_s: float) -> None:
        """Let time pass."""
        self.tokens = [
            min(token + speed * lapse_s, depth)
            for token, speed, depth in zip(self.tokens, self._speed_mps, self._depth, strict=True)
        ]

    def free(self, place: int, klass: int) -> int:
        """How many messages of the class it takes."""
        return max(int(self.tokens[place] - self._reserve[klass][place]), 0) if self.up[place] else 0

    def takes(self, place: int, klass: int) -> bool:
        """Whether it takes one."""
        return self.up[place] and self.tokens[place] - self._reserve[klass][place] >= 1.0

    def take(self, place: int) -> None:
        """One message goes there."""
        self.tokens[place] -= 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What is known before the first message: contracts, price lists, and an operator's homework. C carriers, N networks."""

    carriers: tuple[str, ...]
    networks: tuple[str, ...]
    countries: tuple[str, ...]  # by network
    country: Ints  # (N,)
    covers: Bools  # (C, N)
    price: Floats  # (C, N)
    speed_mps: Floats  # (C,)
    usual: (
        Floats  # (C, N, classes): what a message costs there while nothing is wrong; operators' lists of priorities come from it
    )
    share: Floats  # (N,)
    day_s: float  # after which whatever depends on the time of day comes again


class Policy(Protocol):
    """A way to choose carriers."""

    def observe(self, events: Sequence[Event], now: float) -> None:
        """Be told what was seen, in order of time."""
        ...

    def prices(self, price: Floats) -> None:
        """Another price list holds from now on: (C, N)."""
        ...

    def choose(self, items: Sequence[Item], room: Room, now: float) -> Sequence[Pick]:
        """One pick for each; takes from ``room`` what it picks. ``items`` are in order of class, then of age."""
        ...


@runtime_checkable
class Rescuer(Policy, Protocol):
    """A policy that may have messages sent again, by another carrier, while nothing is known of the first copy."""

    def rescue(self, room: Room, now: float) -> Sequence[tuple[int, int]]:
        """Messages by number and the carriers that get their copies; takes from ``room``. A message has one copy at most."""
        ...


@runtime_checkable
class Watcher(Policy, Protocol):
    """A policy that says when a carrier has become worse."""

    def alarms(self) -> int:
        """How often it has said so."""
        ...


def generator(seed: int, name: str) -> np.random.Generator:
    """The dice of a policy in a run."""
    return np.random.default_rng([seed, 100, *name.encode()])


def zeros_by_cell(brief: Brief) -> Floats:
    """(C, N, classes)."""
    return np.zeros((len(brief.carriers), len(brief.networks), CLASSES))
