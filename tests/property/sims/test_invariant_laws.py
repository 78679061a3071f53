"""Laws of the examination: the fast answers are those of the slow definitions."""

import random

from hypothesis import given
from hypothesis import strategies as st

from router.model import MessageClass, State
from sims.invariants import Accepted, Answer, Ended, History, Submit, examine
from sims.invariants.copies import duplicates
from sims.invariants.discretion import PIECE, Secrets
from sims.invariants.speed import SECOND_US, first_excess

times = st.lists(st.integers(0, 5 * SECOND_US) | st.sampled_from([0, SECOND_US - 1, SECOND_US, SECOND_US + 1]), max_size=60)


@given(times, st.integers(1, 12))
def test_an_excess_is_found_exactly_where_some_second_has_too_many(events_us, limit):
    events_us = sorted(events_us)
    most = max((sum(begin_us <= at_us < begin_us + SECOND_US for at_us in events_us) for begin_us in events_us), default=0)
    found = first_excess(events_us, limit)
    assert (found is None) == (most <= limit)
    if found is not None:
        earlier = events_us[:found]
        assert first_excess(earlier, limit) is None
        assert sum(events_us[found] - SECOND_US < at_us for at_us in events_us[: found + 1]) > limit


@given(times, st.integers(1, 12), st.integers(0, SECOND_US))
def test_jitter_only_forgives(events_us, limit, jitter_us):
    events_us = sorted(events_us)
    if first_excess(events_us, limit) is None:
        assert first_excess(events_us, limit, jitter_us) is None


verdicts = st.lists(st.sampled_from([True, False, None]), max_size=5)


@given(st.lists(verdicts, max_size=8), st.randoms(use_true_random=False))
def test_duplicates_are_the_copies_beyond_the_first_that_may_arrive(messages, rng):
    submits, answers = [], []
    number = 0
    for place, copies in enumerate(messages):
        for verdict in copies:
            number += 1
            submits.append(Submit(number, f"m{place}", "alpha", number))
            if verdict is not None:
                answers.append(Answer(number, f"m{place}", "alpha", number, verdict))
    expected = sum(max(0, sum(verdict is not False for verdict in copies) - 1) for copies in messages)
    rng.shuffle(submits)
    rng.shuffle(answers)
    extra, bound = duplicates(History(submits=submits, answers=answers, faults=[]))
    assert extra == expected
    assert bound == sum(verdict is None for copies in messages for verdict in copies)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), unique_by=lambda item: item[0]))
def test_exactly_the_messages_without_an_end_are_lost(messages):
    accepted = [Accepted(1, f"m{number}", "acme", MessageClass.OTP) for number, _ in messages]
    ended = [Ended(2, f"m{number}", State.EXPIRED) for number, over in messages if over]
    verdict = examine(History(accepted=accepted, ended=ended))
    assert {breach.message for breach in verdict.breaches} == {f"m{number}" for number, over in messages if not over}


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_facts_does_not_matter(rng):
    facts = {
        "accepted": [Accepted(n, f"m{n % 7}", "acme", MessageClass.OTP, key=f"k{n % 5}") for n in range(20)],
        "submits": [Submit(n * 1000, f"m{n % 7}", "alpha", n) for n in range(20)],
        "answers": [Answer(n * 1000 + 1, f"m{n % 7}", "alpha", n, n % 3 > 0) for n in range(18)],
        "ended": [Ended(9_000 + n, f"m{n % 7}", State.DELIVERED) for n in range(9)],
    }
    told = examine(History(**facts, faults=[], speeds_mps={"alpha": 3}))
    for kind in facts.values():
        rng.shuffle(kind)
    again = examine(History(**facts, faults=[], speeds_mps={"alpha": 3}))
    assert set(again.breached) == set(told.breached)
    assert (again.duplicates, again.bound) == (told.duplicates, told.bound)


digits = st.integers(10**9, 10**13).map(str)


@given(digits, st.text("ab =-", max_size=8), st.text("ab =-", max_size=8))
def test_a_number_is_seen_wherever_it_stands(number, before, after):
    assert Secrets([number], []).told(f"{before}{number}{after}") == "number"


@given(digits, st.integers(0, 10**15).map(str))
def test_only_a_number_that_is_there_is_seen(number, told):
    assert (Secrets([number], []).told(f"took_us={told}") == "number") == (number in told)


@given(st.integers(0, 1000))
def test_a_passage_of_twice_a_piece_gives_a_text_away(seed):
    rng = random.Random(seed)
    text = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz ", k=200))
    start = rng.randrange(len(text) - 2 * PIECE)
    secrets = Secrets([], [text])
    assert secrets.told(f"carrier.sent {text[start : start + 2 * PIECE]}") == "text"
    assert secrets.told("carrier.sent id=01ARZ3NDEKTSV4RRFFQ69G5FAV") == ""
