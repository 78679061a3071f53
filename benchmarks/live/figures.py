"""What a run comes to in figures, computed alike from a live run and from the twin's; and whether one run fits many."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sims.twin.result import BACK, BEFORE_S, LEFT, WINDOW_S
from sims.twin.statistics import t_quantile

LOOK_S: Final = 0.5  # between the windows in which a share is looked at
SETTLED_S: Final = 20.0  # after the fault's begin: by then its victim has been left, and shares are those of the fault
INSIDE: Final = 0.95
LAST_S: Final = 40.0  # of the run: its shares after the fault


class Sent(NamedTuple):
    """Submits in order of time: seconds since the run's start, and the carrier's place."""

    at_s: NDArray[np.float64]
    to: NDArray[np.int64]


class Times(NamedTuple):
    """Of a run, in seconds since its start."""

    begin_s: float  # the fault
    end_s: float
    over_s: float  # the run


def figures(sent: Sent, times: Times, carriers: Sequence[str], victim: str, in_time: Mapping[str, float]) -> dict[str, float]:
    """Figures by name. ``in_time``: share delivered within its deadline, by class. A victim never left was left at the fault's end."""
    place = carriers.index(victim)

    def of(begin_s: float, end_s: float) -> NDArray[np.int64]:
        low, high = np.searchsorted(sent.at_s, (begin_s, end_s))
        return sent.to[low:high]

    def share(begin_s: float, end_s: float, who: int = place) -> float:
        some = of(begin_s, end_s)
        return float((some == who).mean()) if len(some) else 0.0

    found: dict[str, float] = {}
    spans = {
        "before": (max(times.begin_s - BEFORE_S / 2, 0.0), times.begin_s),
        "during": (times.begin_s + SETTLED_S, times.end_s),
        "after": (times.over_s - LAST_S, times.over_s),
    }
    for word, span in spans.items():
        for number, name in enumerate(carriers):
            found[f"share {word}, {name}"] = share(*span, number)
    usual = share(*spans["before"])
    starts = np.arange(times.begin_s, times.end_s - WINDOW_S, LOOK_S).tolist()
    left_s = next((at_s for at_s in starts if share(at_s, at_s + WINDOW_S) < LEFT * usual), times.end_s)
    starts = np.arange(times.end_s, times.over_s - WINDOW_S, LOOK_S).tolist()
    back_s = next((at_s for at_s in starts if share(at_s, at_s + WINDOW_S) >= BACK * usual), times.over_s)
    found["left after, s"] = left_s - times.begin_s
    found["sent before it was left"] = float((of(times.begin_s, left_s) == place).sum())
    found["sent during the fault"] = float((of(times.begin_s, times.end_s) == place).sum())
    found["back after, s"] = back_s - times.end_s
    for word, value in in_time.items():
        found[f"in time, {word}"] = value
    return found


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the live run beside the twin's."""

    name: str
    live: float
    mean: float  # of the twin's runs
    low: float  # in which one more run of the twin would lie with 95 %
    high: float
    runs: int

    @property
    def fits(self) -> bool:
        """Whether the live run is such a run."""
        return self.low <= self.live <= self.high


def resolution(name: str) -> float:
    """What is less than this is not measured: looks half a second apart, and clocks of two sides."""
    if name.endswith(", s"):
        return 1.0
    return 0.002 if name.startswith(("share", "in time")) else 1.0


def interval(seen: Sequence[float], least: float) -> tuple[float, float]:
    """Where one more run lies with 95 %, at least ``least`` around the mean.

    From 39 runs on that is between two of them, whatever the distribution: one more is equally likely to have any rank, so it lies between
    the k-th least and the k-th greatest of n with 1 - 2k / (n + 1) (Wilks 1941). Of fewer: mean ± t(n - 1) * s * sqrt(1 + 1 / n).
    """
    values = np.sort(np.array(seen))
    mean, count = float(values.mean()), len(values)
    rank = int((count + 1) * (1.0 - INSIDE) / 2.0 + 1e-9)
    if rank:
        low, high = float(values[rank - 1]), float(values[-rank])
    else:
        half = t_quantile(count - 1) * float(values.std(ddof=1)) * math.sqrt(1.0 + 1.0 / count)
        low, high = mean - half, mean + half
    return max(min(low, mean - least), 0.0), max(high, mean + least)


def hold(live: Mapping[str, float], twin: Sequence[Mapping[str, float]]) -> list[Row]:
    """Each figure against the interval of a single run."""
    rows = []
    for name, value in live.items():
        seen = [run[name] for run in twin]
        low, high = interval(seen, resolution(name))
        rows.append(Row(name=name, live=value, mean=float(np.mean(seen)), low=low, high=high, runs=len(seen)))
    return rows


def allowed(twin: Sequence[Mapping[str, float]]) -> int:
    """How many figures of one run may lie outside.

    Of twenty figures one lies outside of its 95 % now and then without any difference. Each run of the twin is held against the others; the
    number outside that 95 % of them do not pass is what a live run may have.
    """
    counts = sorted(sum(not row.fits for row in hold(run, [other for other in twin if other is not run])) for run in twin)
    return counts[min(math.ceil(INSIDE * len(counts)), len(counts)) - 1]
