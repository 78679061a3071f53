"""When the log cannot answer, and why: each reason by name, with a sentence that says what is missing."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from router.present import rfc3339
from router.settings import CarrierProfile
from sims.whatif.decks import prefixed
from sims.whatif.estimates import effective, heaviest
from sims.whatif.log import BESIDE, NO_DECISION, YOUNG, Bools, Floats, Ints, Log
from sims.whatif.strata import numbered
from sims.whatif.target import NOBODY, Chosen, Target

LEAST_RECORDS: Final = 500  # below it intervals are too wide to tell a policy from another, and not yet normal
LEAST_EFFECTIVE: Final = 200.0  # messages of equal weight: as many as give a share within 7 points
LEAST_HEAVY: Final = (
    20.0  # of those that stand for many, where they stand for more than MOST_UNSEEN: with fewer intervals are not normal
)
MOST_MISSING: Final = (
    0.02  # of the weight: more is more than chance where nothing stands for many, and choices of which nothing is seen
)
LEAST_EFFECTIVE_OF_CLASS: Final = 50.0  # of a class by itself: below it only the total is told
MOST_LEFT_OUT: Final = 0.1  # share of the records sent that may say nothing, for each reason
MOST_UNSEEN: Final = 0.01  # share of messages that may go where no record speaks of
MOST_BEYOND: Final = 0.001  # share of the target's segments that may be beyond a carrier's speed: two batches at a second's edge
LANE_S: Final = 0.5  # a lane holds what its carrier takes in so long, so that a second may be chosen for more than it sends
WINDOWS_S: Final = (
    (1.0, 1.0 + LANE_S),
    (60.0, 60.0 + LANE_S),
)  # windows, and how long the carrier works for what may be chosen in them
NAMED: Final = 3  # examples in a sentence


class RefusedToSay(NamedTuple):
    """One reason."""

    name: str
    sentence: str


def before(log: Log, target: Target) -> list[RefusedToSay]:
    """What is wrong with the records or the deck, whatever the target would choose."""
    return [*_records(log), *_deck(log, target.deck)]


def after(log: Log, chosen: Chosen, unseen: Bools) -> list[RefusedToSay]:
    """What is wrong with the target's choices. ``unseen``: (N,) the target's carrier was never seen towards that network."""
    return [*_choices(log, chosen, unseen), *_speeds(log, chosen)]


def _records(log: Log) -> Iterator[RefusedToSay]:
    count = len(log)
    for reason, name, advice in (
        (NO_DECISION, "no_decisions", "explanations are kept a day longer than messages: export before"),
        (YOUNG, "pending", f"export again after {rfc3339(int(log.young_until_s * 1000))}"),
        (BESIDE, "beside", "their decisions do not name the carrier they went to"),
    ):
        many = log.left_out.get(reason, 0)
        if many > MOST_LEFT_OUT * (count + many):
            yield RefusedToSay(name, f"{many} of {count + many} records are of no use, {reason}: {advice}")
    if count < LEAST_RECORDS:
        yield RefusedToSay(
            "few_records", f"{count} records say what was chosen and what came of it; at least {LEAST_RECORDS} are needed"
        )


def _deck(log: Log, deck: Sequence[CarrierProfile] | None) -> Iterator[RefusedToSay]:
    if deck is None:
        return
    known = {one.name for one in deck}
    lacking = [name for name in log.carriers if name not in known]
    if lacking:
        yield RefusedToSay("deck_lacks_carrier", f"the deck has no prices of {_some(lacking)}, which the records name")
    strangers = sorted(one.name for one in deck if one.enabled and one.name not in log.carriers)
    if strangers:
        yield RefusedToSay("unknown_carrier", f"the deck has {_some(strangers)}, of which no record tells")
    numbers = prefixed(deck, log.carriers)
    if numbers:
        yield RefusedToSay("deck_by_number", f"{_some(numbers)} has prices by digits of the number, and records hold no numbers")


def unseen(log: Log, chosen: Chosen) -> Bools:
    """Whether the target's carrier was never chosen towards that network for that class: (N,)."""
    klass, network = log.klass[log.case], log.by_case("network")[log.case]
    carriers, place = len(log.carriers), numbered(klass, network)
    seen = np.zeros((int(place.max(initial=-1)) + 1, carriers), dtype=bool)
    seen[place, log.chosen] = True
    asked = chosen.carrier != NOBODY
    found: Bools = asked & ~seen[place, np.maximum(chosen.carrier, 0)]
    return found


def _choices(log: Log, chosen: Chosen, unseen: Bools) -> Iterator[RefusedToSay]:
    nobody = chosen.carrier == NOBODY
    if nobody.mean() > MOST_UNSEEN:
        named = _frequent([log.cases[number].network for number in log.case[nobody]])
        yield RefusedToSay(
            "no_candidate", f"{nobody.mean():.1%} of the messages would have no carrier with a price, most to {named}"
        )
    if unseen.mean() > MOST_UNSEEN:
        pairs = zip(log.case[unseen].tolist(), chosen.carrier[unseen].tolist(), strict=True)
        named = _frequent(
            [f"{log.carriers[place]} to {log.cases[case].network} ({log.cases[case].klass.word})" for case, place in pairs]
        )
        yield RefusedToSay("never_observed", f"{unseen.mean():.1%} of the messages would go where none was ever seen: {named}")


def _speeds(log: Log, chosen: Chosen) -> Iterator[RefusedToSay]:
    segments = np.array([case.segments for case in log.cases], dtype=np.float64)[log.case]
    for window_s, worked_s in WINDOWS_S:
        most = chosen.speed_mps * worked_s
        slot = np.floor((log.at_s - log.at_s.min(initial=np.inf)) / window_s).astype(np.int64) if len(log) else log.chosen
        for place in np.flatnonzero(chosen.speed_mps > 0).tolist():
            asked, had = (_load(slot, segments, carrier == place) for carrier in (chosen.carrier, log.chosen))
            # What the log itself did at a time can be done.
            beyond = float(np.maximum(asked - np.maximum(had, most[place]), 0.0).sum())
            if beyond > MOST_BEYOND * float(segments.sum()):
                worst, speed = float(asked.max()) / window_s, int(chosen.speed_mps[place])
                span = "second" if window_s == 1.0 else "minute"
                yield RefusedToSay(
                    "capacity",
                    f"{log.carriers[place]} would have had {worst:.0f} segments a second in the busiest {span}, and takes {speed}:"
                    " what would have gone elsewhere the records cannot say",
                )
                return


def _load(slot: Ints, segments: Floats, mine: Bools) -> Floats:
    found: Floats = np.zeros(int(slot.max(initial=-1)) + 1)
    np.add.at(found, slot[mine], segments[mine])
    return found


def weak(weight: Floats, least: float = LEAST_EFFECTIVE) -> list[RefusedToSay]:
    """Too little overlap. ``least``: effective messages that are needed."""
    found, (heavy, of), mean = effective(weight), heaviest(weight), float(weight.mean())
    if found < least:
        sentence = f"the records speak of the target as {found:.0f} messages would; at least {least:.0f} are needed"
        return [RefusedToSay("little_overlap", f"{sentence}: it chose too differently")]
    if of >= LEAST_HEAVY:
        return []
    if heavy > MOST_UNSEEN:
        sentence = f"{heavy:.1%} of what is known of the target rests on as much as {of:.0f} messages; at least {LEAST_HEAVY:.0f} are needed"
        return [RefusedToSay("little_overlap", f"{sentence}: where it chose otherwise the log seldom did alike")]
    if abs(mean - 1.0) > MOST_MISSING:
        sentence = (
            f"the mean weight is {mean:.2f} and should be 1: where the target chose otherwise the log hardly ever did alike"
        )
        return [RefusedToSay("little_overlap", sentence)]
    return []


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _frequent(words: Sequence[str]) -> str:
    names, counts = np.unique(np.array(words), return_counts=True)
    return _some([str(names[place]) for place in np.argsort(-counts, kind="stable")])
