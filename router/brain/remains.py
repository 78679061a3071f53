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

from router.brain.ages import EDGES_S, PRIOR_NEGATIVE, PRIOR_POSITIVE, WIDTHS_S, Floats, Ints
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


def remains(positive: Floats, negative: Floats, worth: Floats | float = 1.0) -> Floats:
    """``r`` and ``q`` at ``AGES_S``: (pairs, 2, AGES). The ledger's rates are (BINS, pairs), ``worth`` of a positive receipt by pair.

    A rate times its bin's width is the share of those entering the bin that end there, as in ``curves.hazards``.
    """
    rate = np.maximum(positive + negative, LEAST_HAZARD)
    ended = np.minimum(rate * WIDTHS_S[:, None], MOST_ENDED)
    pending = np.concatenate((np.ones((1, *ended.shape[1:])), np.cumprod(1.0 - ended, axis=0)))
    gained = pending[:-1] * ended * positive / rate
    coming = np.cumsum(gained[::-1], axis=0)[::-1] * worth  # from each bin on
    return np.clip(np.stack((coming[:AGES].T, pending[:AGES].T), axis=1), 0.0, 1.0)


def pack_curves(curves: Floats) -> bytes:
    """As ``Board.curves`` has them."""
    return curves.astype(_TYPE).tobytes()


class Remains:
    """The curves of one board by carrier. A curve that is absent falls back to its country's, then to the carrier's, then to the prior."""

    def __init__(self, names: Sequence[str], board: Board) -> None:
        self._names, self._places = names, board.cells.places
        curves = np.frombuffer(board.curves, _TYPE)
        # Octets of another release that do not fit the pairs say nothing.
        fits = len(curves) == len(self._places) * 2 * AGES
        self._curves = curves.reshape(-1, 2, AGES) if fits else np.zeros((0, 2, AGES), _TYPE)
        self._rows: dict[str, Floats] = {}
        self._prior = remains(PRIOR_POSITIVE[:, None], PRIOR_NEGATIVE[:, None])[0]

    def of(self, networks: Sequence[str]) -> Floats:
        """(networks, carriers, 2, AGES)."""
        for network in networks:
            if network not in self._rows:
                self._rows[network] = np.stack([self._found(name, network) for name in self._names])
        return np.stack([self._rows[network] for network in networks])

    def _found(self, name: str, network: str) -> Floats:
        for scope in scopes(network):
            place = self._places.get(f"{name}|{scope}", -1)
            if 0 <= place < len(self._curves):
                return self._curves[place].astype(np.float64)
        return self._prior


def at(curves: Floats, age_s: Floats) -> Floats:
    """Curves (…, AGES) at ages (…,), one each; the shapes broadcast. Beyond the last age nothing changes."""
    place: Ints = np.clip(np.searchsorted(AGES_S, age_s, side="right") - 1, 0, AGES - 2)
    share = np.clip((age_s - AGES_S[place]) / (AGES_S[place + 1] - AGES_S[place]), 0.0, 1.0)
    shape = np.broadcast_shapes(curves.shape[:-1], place.shape)
    whole = np.broadcast_to(curves, (*shape, AGES))
    where = np.broadcast_to(place, shape)[..., None]
    low, high = np.take_along_axis(whole, where, axis=-1)[..., 0], np.take_along_axis(whole, where + 1, axis=-1)[..., 0]
    found: Floats = low + share * (high - low)
    return found
