"""What would become of a message at a carrier: the direct model, learned from the records.

The board's own expectation at the time, as the decision recorded it, plus how far outcomes were from it: by class and carrier, by
country, by network, each shrunk towards the step before.
"""

from dataclasses import dataclass

import numpy as np

from sims.whatif.log import Floats, Ints, Log
from sims.whatif.strata import means, numbered


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Of each attempt at some carrier: chance of a receipt in time, and seconds until then, at most the deadline. (N,) each."""

    in_time: Floats
    waited_s: Floats


def expected(log: Log, carrier: Ints, deadline_s: Floats) -> Expected:
    """What the model expects of ``carrier`` (N,) for each attempt; of none (negative): never delivered. ``deadline_s``: (N,)."""
    somewhere = carrier >= 0
    asked = np.maximum(carrier, 0)
    levels, at = _levels(log, asked)
    found = []
    for recorded, seen in ((log.p, log.in_time.astype(np.float64)), (log.wait_s, log.waited_s)):
        missed = seen - recorded[log.case, log.chosen]
        base = recorded[log.case, asked]
        found.append(np.nan_to_num(base) + means(levels, log.fold, missed, at))
    return Expected(
        in_time=np.where(somewhere, np.clip(found[0], 0.0, 1.0), 0.0),
        waited_s=np.where(somewhere, np.clip(found[1], 0.0, deadline_s), deadline_s),
    )


def _levels(log: Log, asked: Ints) -> tuple[list[Ints], list[Ints]]:
    """Strata of what was seen and of what is asked for, under the same numbers."""
    count = len(log)
    klass = np.tile(log.klass[log.case], 2)
    country, network = (np.tile(log.by_case(name)[log.case], 2) for name in ("country", "network"))
    carrier = np.concatenate((log.chosen, asked))
    both = [numbered(klass, carrier), numbered(klass, carrier, country), numbered(klass, carrier, network)]
    return [level[:count] for level in both], [level[count:] for level in both]
