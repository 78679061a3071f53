"""Where the board wants probes: the suspects, carriers whose receipts are in doubt, those hardly known, and what was not used for long."""

from typing import Final

import numpy as np

from router.brain.ages import sums
from router.brain.breaker import CLOSED
from router.brain.fallen import places_of
from router.brain.ledger import CARRIER, COUNTRY
from router.brain.networks import WORLD
from router.brain.state import BrainState
from router.model import MessageClass

PROBE_S: Final = 1.0  # between probes of a suspect at first, and whenever receipts come again
PROBE_LATER_S: Final = 6.0
PATIENCE_S: Final = 30.0  # how long a suspect is probed often
NEW_PROBE_S: Final = 2.0  # between probes of a carrier hardly known
HARDLY_KNOWN: Final = 15.0  # observations
STALE_S: Final = (
    110.0  # unused in a country for so long: a probe is due, and finds its message within the ten seconds to two minutes
)
STALE_PROBE_S: Final = 30.0  # and the next one not before
DOUBT_PROBE_S: Final = (
    20.0  # between codes sent to a carrier whose receipts are in doubt: what it costs, against how soon it is back
)
# Once some of them are used again. A liar's are, now and then: of the four probes that one used code calls for, less than one may be used where
# a quarter arrives, or a liar would be probed for ever.
RETURNING_PROBE_S: Final = 6.0
PROBES_LIMIT: Final = 2_048


def probes(state: BrainState, now: float) -> dict[str, float]:
    """``Board.probes``: by "carrier|network, MCC or *", perhaps "|class", the seconds between probes there."""
    ledger = state.ledger
    wanted: dict[str, float] = {}
    for level, detector in zip(places_of(ledger), state.detectors, strict=True):
        for place in np.flatnonzero(np.isfinite(detector.suspect_s)).tolist():
            carrier, *scope = level.names[place]
            eager = now - detector.suspect_s[place] < PATIENCE_S or detector.back[place] > 0
            wanted[f"{carrier}|{scope[0] if scope else WORLD}"] = PROBE_S if eager else PROBE_LATER_S
    for (carrier, *scope), returning in state.evidence.doubted():
        # Codes alone are reported on, and by ``Board.reporters`` alone.
        key = f"{carrier}|{scope[0] if scope else WORLD}|{int(MessageClass.OTP)}"
        wanted[key] = RETURNING_PROBE_S if returning else DOUBT_PROBE_S
    known = sums(ledger.of[CARRIER, : ledger.rows], ledger.n[: ledger.rows], len(ledger.carriers))
    last = np.full((len(ledger.carriers), len(ledger.countries)), -np.inf)
    np.maximum.at(last, (ledger.of[CARRIER, : ledger.rows], ledger.of[COUNTRY, : ledger.rows]), ledger.used_s[: ledger.rows])
    countries = [country for (country,) in ledger.countries.names]
    for carrier, breaker in state.breakers.items():
        if breaker.state != CLOSED:
            continue
        number = ledger.carriers.index.get((carrier,))
        if number is None or known[number] < HARDLY_KNOWN:
            wanted.setdefault(f"{carrier}|{WORLD}", NEW_PROBE_S)
        stale = countries if number is None else [countries[place] for place in np.flatnonzero(last[number] < now - STALE_S)]
        for country in stale[: max(PROBES_LIMIT - len(wanted), 0)]:
            wanted.setdefault(f"{carrier}|{country}", STALE_PROBE_S)
    return wanted
