"""Means with their 95 % confidence intervals, from few runs."""

import math
from collections.abc import Sequence
from typing import Final

# Student's t, 0.975 quantile, by degrees of freedom 1 to 30 (NIST/SEMATECH e-Handbook, table 1.3.6.7.2); the normal's beyond 120.
_T: Final = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
_T_FURTHER: Final = ((40, 2.021), (60, 2.000), (120, 1.980))
_T_NORMAL: Final = 1.960


def t_quantile(freedom: int) -> float:
    """The 0.975 quantile of Student's t; between rows of the table that of fewer degrees, which is on the safe side."""
    if freedom < 1:
        return math.inf
    if freedom <= len(_T):
        return _T[freedom - 1]
    found = _T[-1]
    for least, value in _T_FURTHER:
        if freedom >= least:
            found = value
    return _T_NORMAL if freedom > 1_000 else found


def mean_and_half(values: Sequence[float]) -> tuple[float, float]:
    """The mean and half of the width of its interval; inf for one value, nan for none."""
    count = len(values)
    if not count:
        return math.nan, math.nan
    mean = math.fsum(values) / count
    if count == 1:
        return mean, math.inf
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    return mean, t_quantile(count - 1) * spread / math.sqrt(count)
