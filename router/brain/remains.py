r"""What is still to come of a message that has been pending for a while: the curves behind a cell, published for rescue only.

Of messages submitted at age 0, ``q(a)`` are pending at age ``a`` (no receipt yet), and ``r(a)`` get their positive receipt later than
that; both follow from the hazards as in ``curves`` (competing risks):

    q(a) = exp(-integral of mu + nu to a)          r(a) = F(600 s) - F(a)

A message pending at age ``a`` is delivered within the next ``u`` seconds with the chance

    (r(a) - r(a + u)) / q(a)

and one not sent yet with ``r(0) - r(u)``. Both are published at ``AGES_S`` as 16-bit floats, some 60 octets a pair of carrier and network.
As what is left, and not as what has come: small numbers keep their digits, and it is those that are divided. Between the ages a
straight line is drawn. One-time codes and transactional messages share one curve, as they share one ledger.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from router.brain.ages import BINS, EDGES_S, PRIOR_NEGATIVE, PRIOR_POSITIVE, WIDTHS_S, Floats, Ints
from router.brain.curves import LEAST_HAZARD, MOST_ENDED
from router.brain.networks import scopes
from router.brain.port import Board

LAST_S: Final = 120.0
AGES_S: Final[Floats] = EDGES_S[EDGES_S <= LAST_S]
AGES: Final = len(AGES_S)
LEAST_PENDING: Final = 1e-4  # below it a share is nobody
COMING: Final = 0  # places in a curve
PENDING: Final = 1
_TYPE: Final = np.dtype("<f2")
_SMALLEST: Final = float(np.finfo(_TYPE).smallest_normal)


def remains(positive: Floats, negative: Floats, worth: Floats | float = 1.0) -> Floats:
    """``r`` and ``q`` at ``AGES_S``: (2, AGES, pairs). The ledger's rates are (BINS, pairs), ``worth`` of a positive receipt by pair.

    A rate times its bin's width is the share of those entering the bin that end there, as in ``curves.hazards``. Bin by bin it stays in the
    cache: measured for 4,000 pairs 1 ms, where whole matrices took 4.
    """
    found = np.empty((2, BINS, *np.shape(positive[0])))
    coming, pending = found
    left: Floats = np.ones(coming.shape[1:])
    for number, (width_s, mu, nu) in enumerate(zip(WIDTHS_S.tolist(), positive, negative, strict=True)):
        rate = np.maximum(mu + nu, LEAST_HAZARD)
        ended = np.minimum(rate * width_s, MOST_ENDED)
        pending[number] = left
        ended *= left
        coming[number] = ended * mu / rate  # within the bin
        left = left - ended
    for number in range(BINS - 2, -1, -1):  # and from it on
        coming[number] += coming[number + 1]
    coming *= worth
    return found[:, :AGES]


def pack_curves(curves: Floats) -> bytes:
    """As ``Board.curves`` has them; shares below 0.00006 as nothing: of 4,000 pairs such numbers took 5 ms, all others together 0.4."""
    return np.where(curves < _SMALLEST, 0.0, curves).astype(_TYPE).tobytes()


class Remains:
    """The curves of one board by carrier. A curve that is absent falls back to its country's, then to the carrier's, then to the prior."""

    def __init__(self, names: Sequence[str], board: Board) -> None:
        self._names, self._places = names, board.cells.places
        curves = np.frombuffer(board.curves, _TYPE)
        # Octets of another release that do not fit the pairs say nothing.
        fits = len(curves) == len(self._places) * 2 * AGES
        self._curves = curves.reshape(2, AGES, -1) if fits else np.zeros((2, AGES, 0), _TYPE)
        self._prior = remains(PRIOR_POSITIVE[:, None], PRIOR_NEGATIVE[:, None])

    def of(self, networks: Sequence[str]) -> Floats:
        """(networks, carriers, 2, AGES)."""
        rows = {network: [self._place(name, network) for name in self._names] for network in dict.fromkeys(networks)}
        known = np.concatenate((self._curves, self._prior), axis=-1, dtype=np.float64)  # the prior is the last one, -1
        return np.moveaxis(known, -1, 0)[np.array([rows[network] for network in networks])]

    def _place(self, name: str, network: str) -> int:
        """The pair whose curve holds; -1: none."""
        for scope in scopes(network):
            place = self._places.get(f"{name}|{scope}", -1)
            if 0 <= place < self._curves.shape[-1]:
                return place
        return -1


def at(curves: Floats, age_s: Floats) -> Floats:
    """Curves (…, AGES) at ages (…, A): (…, A). Beyond the last age nothing changes."""
    place: Ints = np.clip(np.searchsorted(AGES_S, age_s, side="right") - 1, 0, AGES - 2)
    share = np.clip((age_s - AGES_S[place]) / (AGES_S[place + 1] - AGES_S[place]), 0.0, 1.0)
    low, high = np.take_along_axis(curves, place, axis=-1), np.take_along_axis(curves, place + 1, axis=-1)
    found: Floats = low + share * (high - low)
    return found
