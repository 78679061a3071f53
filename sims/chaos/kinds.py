"""Every kind of fault: what it is about, how long it lasts, what may be doubled by it, and how soon all must be well again."""

from typing import Final, NamedTuple

EVERYTHING: Final = "*"


class Kind(NamedTuple):
    """A kind of fault. Times in seconds."""

    name: str  # family.what
    scope: str  # what it disables; two faults whose scopes touch are never there at once
    hold_s: tuple[float, float]  # lasts between these; kills last no time
    settle_s: float  # after its end nothing that touches its scope begins
    bar_s: float  # recovery takes no longer, from the end of the hold
    windows: int = 0  # windows of submits that it may double
    weight: float = 1.0
    needs: str = ""  # what it cannot be done without: second_node, gcs, shim, disk


# Recovery is counted from the kill, or from the moment when the fault is taken away. The bars of front, carrier and journal are
# promises; the others are what an operator would call well. An actor's process takes about 1 s of CPU to start.
_KINDS: Final = (
    Kind("kill.front", "front", (0, 0), 4.0, 3.0, weight=8),
    Kind("kill.esme", "esme", (0, 0), 4.0, 5.0, weight=3),
    Kind("kill.limiter", "limiter", (0, 0), 4.0, 5.0, weight=3),
    Kind("kill.brain", "brain", (0, 0), 4.0, 5.0, weight=3),
    Kind("kill.dispatcher", "dispatcher", (0, 0), 5.0, 5.0, weight=8),
    Kind("kill.carrier", "carrier", (0, 0), 6.0, 5.0, windows=1, weight=8),
    Kind("kill.courier", "courier", (0, 0), 4.0, 5.0, weight=6),
    Kind("kill.supervisor", "supervisor", (0, 0), 4.0, 5.0, weight=6),
    Kind("kill.journal", EVERYTHING, (0, 0), 4.0, 3.0, weight=4),
    Kind("kill.raylet", EVERYTHING, (0, 0), 8.0, 30.0, windows=1, needs="second_node"),
    Kind("kill.gcs", EVERYTHING, (0, 0), 5.0, 10.0, needs="gcs"),
    Kind("stop.front", "front", (1, 4), 5.0, 3.0),
    Kind("stop.limiter", "limiter", (1, 4), 5.0, 3.0),
    Kind("stop.brain", "brain", (1, 4), 5.0, 3.0),
    Kind("stop.courier", "courier", (2, 8), 5.0, 3.0),
    Kind("stop.journal", EVERYTHING, (1, 3), 6.0, 5.0, windows=0),
    # Both outlast the lease of 5 s; the supervisor stands still as well, or it would end a process silent for 15 s.
    Kind("zombie.carrier", "carrier supervisor", (30, 30), 7.0, 10.0, windows=1),
    Kind("zombie.dispatcher", "dispatcher supervisor", (30, 30), 7.0, 10.0),
    Kind("smpp.latency", "carrier", (4, 8), 6.0, 5.0),
    Kind("smpp.drip", "carrier", (4, 8), 6.0, 10.0, windows=1),
    Kind("smpp.stall", "carrier", (4, 8), 8.0, 10.0, windows=1),
    Kind("smpp.half_open", "carrier", (4, 8), 8.0, 10.0, windows=1),
    Kind("smpp.reset", "carrier", (0, 0), 6.0, 5.0, windows=1),
    Kind("smpp.cut", "carrier", (2, 4), 6.0, 5.0, windows=2),
    Kind("redis.latency", EVERYTHING, (2, 5), 5.0, 3.0),
    Kind("redis.stall", EVERYTHING, (1, 3), 6.0, 5.0),
    Kind("redis.reset", EVERYTHING, (0, 0), 5.0, 3.0),
    Kind("redis.cut", EVERYTHING, (2, 4), 5.0, 3.0),
    Kind("webhook.latency", "webhook courier", (4, 8), 3.0, 3.0),
    Kind("webhook.stall", "webhook courier", (4, 8), 3.0, 5.0),
    Kind("webhook.reset", "webhook courier", (0, 0), 3.0, 3.0),
    Kind("webhook.cut", "webhook courier", (3, 6), 3.0, 3.0),
    Kind("store.power_cut", EVERYTHING, (0, 0), 5.0, 5.0, weight=3, needs="shim"),
    Kind("store.hung_fsync", EVERYTHING, (2, 5), 8.0, 5.0, needs="shim"),
    Kind("store.full_disk", EVERYTHING, (2, 4), 10.0, 10.0, needs="disk"),
    Kind("store.full_memory", EVERYTHING, (2, 5), 6.0, 5.0),
    Kind("clock.forward", EVERYTHING, (3, 6), 6.0, 5.0, needs="shim"),
    Kind("clock.back", EVERYTHING, (3, 6), 6.0, 5.0, needs="shim"),
)
KINDS: Final = {kind.name: kind for kind in _KINDS}
FAMILIES: Final = tuple(dict.fromkeys(name.partition(".")[0] for name in KINDS))
_WORDS: Final = {kind.scope: frozenset(kind.scope.split()) for kind in _KINDS}
DEADLY: Final = frozenset(name for name in KINDS if name.startswith("kill.")) | {"store.power_cut"}  # end a process by SIGKILL


def touch(one: str, other: str) -> bool:
    """Whether faults of these scopes would be in each other's way."""
    return EVERYTHING in {one, other} or not _WORDS[one].isdisjoint(_WORDS[other])
