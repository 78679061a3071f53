"""What an SMSC decides about each submit: seeded, and a function of the submit's place in the sequence alone.

The n-th submit draws the same numbers whatever came before it and whatever the temperament was, so that two runs with the
same seed differ only where their temperaments do.
"""

from math import exp
from typing import Final, NamedTuple

import numpy as np

from carriers.smpp.commands import ROK
from sims.smsc.temperament import Temperament, parse_status

BLOCK: Final = 4_096  # submits drawn at once; measured 0.7 µs a submit, against 6 µs for ten single calls
UNIFORMS: Final = 8


class Fate(NamedTuple):
    """One submit's."""

    status: int  # ROK, or the error to answer with; the rest does not apply then
    answered: bool
    answer_s: float  # delay of the answer
    delivered: bool  # it reaches the handset
    stat: str  # what the final receipt says; "": it has no end (a black hole)
    err: str
    lost: bool  # the final receipt never comes
    receipt_s: float  # delay of the end and of the final receipt, from the submit
    enroute: bool  # an intermediate receipt comes first
    copies: int  # of the final receipt
    early: bool  # the final receipt is sent before the answer


class Decider:
    """Draws the fates. ``next`` once a submit, refused ones included."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._block: list[tuple[list[float], list[float]]] = []
        self._known: Temperament | None = None
        self._errors: list[tuple[float, int]] = []
        self._failures: list[tuple[float, str, str]] = []

    def next(self, temperament: Temperament) -> Fate:
        """The fate of the next submit under this temperament."""
        t = temperament
        if t is not self._known:
            self._learn(t)
        if not self._block:
            self._block = self._draw()
        (u_error, u_silent, u_delivered, u_failure, u_lost, u_enroute, u_twice, u_early), (z_answer, z_receipt) = (
            self._block.pop()
        )
        status = ROK
        for edge, error in self._errors:
            if u_error < edge:
                status = error
                break
        answer_s = t.answer_median_s * exp(t.answer_sigma * z_answer) if t.answer_sigma else t.answer_median_s
        if status != ROK:
            return Fate(status, True, answer_s, False, "", "", False, 0.0, False, 0, False)
        answered = u_silent >= t.no_answer
        if t.black_hole:
            return Fate(ROK, answered, answer_s, False, "", "", False, 0.0, False, 0, False)
        delivered = u_delivered < t.delivered and not t.fake_receipts
        stat, err = "DELIVRD", "000"
        if not delivered and not t.fake_receipts:
            stat, err = self._failure(u_failure)
        receipt_s = t.receipt_median_s * exp(t.receipt_sigma * z_receipt) if t.receipt_sigma else t.receipt_median_s
        return Fate(
            ROK,
            answered,
            answer_s,
            delivered,
            stat,
            err,
            u_lost < t.receipt_loss,
            receipt_s,
            u_enroute < t.intermediate,
            2 if u_twice < t.duplicate_receipts else 1,
            u_early < t.early_receipts,
        )

    def _failure(self, u: float) -> tuple[str, str]:
        for edge, stat, err in self._failures:
            if u < edge:
                return stat, err
        return self._failures[-1][1:]

    def _learn(self, temperament: Temperament) -> None:
        self._known = temperament
        self._errors, edge = [], 0.0
        for status, share in temperament.errors.items():
            edge += share
            self._errors.append((edge, parse_status(status)))
        total = sum(failure.weight for failure in temperament.failures)
        self._failures, edge = [], 0.0
        for failure in temperament.failures:
            edge += failure.weight / total
            self._failures.append((edge, failure.stat, failure.err))

    def _draw(self) -> list[tuple[list[float], list[float]]]:
        uniforms = self._rng.random((BLOCK, UNIFORMS)).tolist()
        normals = self._rng.standard_normal((BLOCK, 2)).tolist()
        return list(zip(uniforms, normals, strict=True))[::-1]  # popped from the end
