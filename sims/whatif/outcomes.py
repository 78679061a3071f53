"""What would become of a message at a carrier: the direct model, learned from the records.

The board's expectation at the time, as decisions recorded it, plus how far outcomes were from it: by class and carrier, by country, by
network, each shrunk towards the step before. The expectation is the decision's own, or, for weights that hold by strata, its mean over the
stratum: a target that looks for high expectations finds those that are too high, and weights by strata would not see that.
"""

from dataclasses import dataclass

import numpy as np

from sims.whatif.log import Floats, Ints, Log
from sims.whatif.strata import Way, means, numbered, strata_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Of each attempt at some carrier: chance of a receipt in time, and seconds until then, at most the deadline. (N,) each."""

    in_time: Floats
    waited_s: Floats


def expected(log: Log, carrier: Ints, deadline_s: Floats, way: Way) -> Expected:
    """What the model expects of ``carrier`` (N,) for each attempt; of none (negative): never delivered. ``deadline_s``: (N,).

    ``way``: of the weights that it goes with.
    """
    somewhere = carrier >= 0
    asked = np.maximum(carrier, 0)
    levels, at = _levels(log, asked)
    stratum = log.case if way == "logged" else strata_of(log)[-1]
    found = []
    for recorded, seen in ((log.p, log.in_time.astype(np.float64)), (log.wait_s, log.waited_s)):
        known = recorded if way == "logged" else _mean_by(stratum, recorded[log.case])
        missed = seen - known[stratum, log.chosen]
        base = known[stratum, asked]
        found.append(np.nan_to_num(base) + means(levels, log.fold, missed, at))
    return Expected(
        in_time=np.where(somewhere, np.clip(found[0], 0.0, 1.0), 0.0),
        waited_s=np.where(somewhere, np.clip(found[1], 0.0, deadline_s), deadline_s),
    )


def _mean_by(stratum: Ints, values: Floats) -> Floats:
    """The mean by stratum of each column, of what is not nan: (strata, C)."""
    there = ~np.isnan(values)
    shape = int(stratum.max(initial=-1)) + 1, values.shape[1]
    sums, sizes = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, stratum, np.where(there, values, 0.0))
    np.add.at(sizes, stratum, there.astype(np.float64))
    found: Floats = np.where(sizes > 0.0, sums / np.maximum(sizes, 1.0), np.nan)
    return found


def _levels(log: Log, asked: Ints) -> tuple[list[Ints], list[Ints]]:
    """Strata of what was seen and of what is asked for, under the same numbers."""
    count = len(log)
    klass = np.tile(log.klass[log.case], 2)
    country, network = (np.tile(log.by_case(name)[log.case], 2) for name in ("country", "network"))
    carrier = np.concatenate((log.chosen, asked))
    both = [numbered(klass, carrier), numbered(klass, carrier, country), numbered(klass, carrier, network)]
    return [level[:count] for level in both], [level[count:] for level in both]
