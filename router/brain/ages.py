"""Ages of messages in bins, the groups of classes that learn together, and what is believed before anything was seen."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from router.model import MessageClass

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

EDGES_S: Final[Floats] = np.array([0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 30, 45, 60, 120, 300, 600], dtype=np.float64)
WIDTHS_S: Final[Floats] = np.diff(EDGES_S)
BINS: Final = len(WIDTHS_S)
HORIZON_S: Final = float(EDGES_S[-1])  # older messages have nothing more to teach: they leave the ledger
EARLY_BINS: Final = 9  # ages below 20 s, where the change detectors look

GROUPS: Final = 2  # 0: otp and transactional, 1: marketing (carriers filter and queue it apart)
GROUP_OF: Final = (0, 0, 1)  # by MessageClass
DEADLINES_S: Final = (15.0, 60.0, 600.0)  # by MessageClass, when the operator sets nothing else
CLASSES: Final = tuple(MessageClass)

# What a carrier is thought to do before anything was seen of it: 92 % delivered after 4 s in the mean, 4 % refused by a receipt.
PRIOR_DELIVERED: Final = 0.92
PRIOR_UNDELIVERED: Final = 0.04
PRIOR_MEAN_S: Final = 4.0


def bin_of(age_s: Floats) -> Ints:
    """The bin of each age; ages beyond the horizon give ``BINS``, negative ones 0."""
    return np.clip(np.searchsorted(EDGES_S, age_s, side="right") - 1, 0, BINS)


def spent(age_s: Floats) -> Floats:
    """Seconds a message of each age has spent in each bin: shape (…, BINS)."""
    return np.clip(age_s[..., None] - EDGES_S[:-1], 0.0, WIDTHS_S)


def wider(values: Floats, columns: int) -> Floats:
    """The same with so many columns, the new ones empty."""
    found: Floats = np.zeros((len(values), columns))
    found[:, : values.shape[1]] = values
    return found


def sums(number: Ints, values: Floats, size: int) -> Floats:
    """The sum of the values under each number: (size,)."""
    return np.asarray(np.bincount(number, weights=values, minlength=size), dtype=np.float64)


def _prior() -> tuple[Floats, Floats]:
    """Rates of the prior as ``ledger`` counts them: of those that enter a bin, the share that ends there, a second of its width."""
    grown = 1.0 - np.exp(-EDGES_S / PRIOR_MEAN_S)
    # The last tenth of a percent trickles in over the horizon, so that no hazard is zero.
    grown = 0.999 * grown + 0.001 * EDGES_S / HORIZON_S
    left = 1.0 - (PRIOR_DELIVERED + PRIOR_UNDELIVERED) * grown
    total = (1.0 - left[1:] / left[:-1]) / WIDTHS_S
    share = PRIOR_DELIVERED / (PRIOR_DELIVERED + PRIOR_UNDELIVERED)
    return total * share, total * (1.0 - share)


PRIOR_POSITIVE, PRIOR_NEGATIVE = _prior()
