"""Laws of toxics, timetables and speedometers, whatever comes."""

from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.smpp.commands import SUBMIT_SM
from sims.chaos.flow import Flow
from sims.chaos.kinds import KINDS, touch
from sims.chaos.speedometer import Burst, Speedometer, SubmitCounter
from sims.chaos.timetable import InvalidPlan, in_conflict, make_plan
from sims.chaos.toxics import Bandwidth, Cut, Latency, LimitData, Slicer, SlowClose, Stall, Timeout

patient = st.one_of(
    st.builds(Latency, latency_s=st.floats(0, 2), jitter_s=st.floats(0, 2)),
    st.builds(Bandwidth, octets_per_s=st.floats(10, 10_000)),
    st.builds(Slicer, size=st.integers(1, 9), variation=st.integers(0, 9), pause_s=st.floats(0, 0.1)),
    st.just(Stall()),
    st.builds(SlowClose, delay_s=st.floats(0, 2)),
)
any_toxic = st.one_of(
    patient,
    st.builds(LimitData, octets=st.integers(0, 60), reset=st.booleans()),
    st.builds(Timeout, after_s=st.floats(0, 5)),
)
chains = st.lists(any_toxic, max_size=4).map(lambda found: {str(place): toxic for place, toxic in enumerate(found)})
patient_chains = st.lists(patient, max_size=4).map(lambda found: {str(place): toxic for place, toxic in enumerate(found)})
reads = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=40)), max_size=12)


def emptied(flow: Flow, now_s: float) -> bytes:
    """All that comes out without anything going in any more."""
    out = b""
    while (next_s := flow.next_s()) < inf:
        octets, cut = flow.take(max(now_s, next_s))
        out += octets
        if cut is not None:
            break
    return out


@given(chains, chains, reads, st.integers(0, 2**32))
def test_what_comes_out_is_a_beginning_of_what_went_in(first, second, sent, seed):
    flow = Flow(Random(seed), first, 0.0)
    now_s, arrived, went_in = 0.0, b"", b""
    for place, (pause_s, octets) in enumerate(sent):
        now_s += pause_s
        if place == len(sent) // 2:
            flow.change(second, now_s)
        flow.receive(octets, now_s)
        went_in += octets
        out, cut = flow.take(now_s)
        arrived += out
        if cut is not None:
            break
    assert went_in.startswith(arrived)


@given(patient_chains, reads, st.integers(0, 2**32))
def test_who_only_delays_loses_nothing_once_it_is_taken_away(toxics, sent, seed):
    flow = Flow(Random(seed), toxics, 0.0)
    now_s, out = 0.0, b""
    for pause_s, octets in sent:
        now_s += pause_s
        flow.receive(octets, now_s)
        out += flow.take(now_s)[0]
    flow.close(now_s)
    flow.change({}, now_s)
    assert out + emptied(flow, now_s) == b"".join(octets for _, octets in sent)
    assert flow.held == 0


@given(patient_chains, reads, st.integers(0, 2**32))
def test_nothing_comes_before_it_was_sent(toxics, sent, seed):
    flow = Flow(Random(seed), toxics, 0.0)
    now_s, size = 0.0, 0
    for pause_s, octets in sent:
        now_s += pause_s
        size += len(octets)
        flow.receive(octets, now_s)
        assert flow.held <= size
        assert flow.next_s() >= 0.0


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10_000), st.floats(250, 300), st.booleans(), st.sets(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6)
)
def test_a_timetable_has_every_kind_and_no_two_faults_in_each_others_way(seed, length_s, overlap, kinds):
    names = sorted(kinds)
    plan = make_plan(seed, length_s, names, overlap=overlap)
    assert plan == make_plan(seed, length_s, names, overlap=overlap)
    assert {planned.kind for planned in plan} == kinds
    assert list(plan) == sorted(plan)
    for place, one in enumerate(plan):
        assert one.at_s >= 0
        assert one.settled_s <= length_s
        low_s, high_s = KINDS[one.kind].hold_s
        assert round(low_s, 2) <= one.hold_s <= round(high_s, 2)
        for other in plan[place + 1 :]:
            assert not in_conflict(one, other, 2.0, overlap=overlap)
            if not overlap or touch(KINDS[one.kind].scope, KINDS[other.kind].scope):
                assert other.at_s >= one.settled_s


@given(st.integers(0, 10_000), st.floats(1, 29))
def test_what_does_not_fit_is_told(seed, length_s):
    with pytest.raises(InvalidPlan, match=r"zombie\.carrier"):
        make_plan(seed, length_s, ("zombie.carrier",))


@given(st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 0.2), st.integers(1, 9)), max_size=40))
def test_a_speedometer_never_tells_more_than_there_was_in_any_second(bursts):
    """Wherever in their intervals the submits were written: it tells a lower bound."""
    meter, now_s, seen = Speedometer(), 10.0, []
    for pause_s, width_s, submits in bursts:
        now_s += pause_s
        earliest_s = max(now_s - width_s, seen[-1].earliest_s if seen else 0.0)
        burst = Burst(earliest_s, now_s, submits)
        seen.append(burst)
        meter.add(burst)
    spread = [(burst.earliest_s, burst.submits) for burst in seen]
    late = [(burst.latest_s, burst.submits) for burst in seen]
    for written in (spread, late):
        most = max((sum(n for at, n in written if end - 1.0 < at <= end) for end, _ in written), default=0)
        assert meter.maximum <= most
    assert meter.submits == sum(burst.submits for burst in seen)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 80)), max_size=20), st.integers(1, 50))
def test_submits_are_counted_however_the_octets_are_cut(pdus, cut):
    octets = b"".join(
        (16 + size).to_bytes(4, "big") + (SUBMIT_SM if submit else 0x15).to_bytes(4, "big") + bytes(8) + bytes(size)
        for submit, size in pdus
    )
    counter = SubmitCounter()
    found = sum(counter.count(octets[at : at + cut]) for at in range(0, len(octets), cut))
    assert found == sum(submit for submit, _ in pdus)


def test_a_limit_cuts_where_it_says():
    flow = Flow(Random(1), {"limit": LimitData(octets=5, reset=True)}, 0.0)
    flow.receive(b"abc", 0.0)
    flow.receive(b"defg", 0.0)
    flow.receive(b"never", 0.0)
    assert flow.take(0.0) == (b"abcde", Cut.RESET)
