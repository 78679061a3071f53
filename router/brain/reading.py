"""How long people take to read a code and use it, before anything is known of it: lognormals, by age."""

import math
from typing import Final

import numpy as np

from router.brain.ages import EDGES_S, Floats

SIGMA: Final = 0.8
HUMAN_S: Final = 12.0  # median from receipt to use: somebody reads and types
SUBMIT_S: Final = 15.0  # median from submit to use


def _prior(median_s: float) -> Floats:
    """Shares of a lognormal by age bin, what is beyond the horizon left out."""
    reached = [0.5 * (1.0 + math.erf(math.log(edge / median_s) / (SIGMA * math.sqrt(2.0)))) for edge in EDGES_S[1:].tolist()]
    share: Floats = np.diff(np.array([0.0, *reached])) / reached[-1]
    return share


PRIOR_AFTER: Final = _prior(HUMAN_S)
PRIOR_AGE: Final = _prior(SUBMIT_S)
