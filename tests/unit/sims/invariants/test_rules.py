"""Each rule, with a run that keeps it and runs that breach it."""

from dataclasses import fields, replace

import pytest

from router.journal.items import Conservation
from router.model import MessageClass, State
from sims.invariants import (
    RULES,
    Accepted,
    Answer,
    Delivery,
    Ended,
    Fault,
    HangUp,
    History,
    Line,
    Memory,
    Pace,
    Promise,
    Receipt,
    Recovery,
    Seen,
    Submit,
    Zombie,
    examine,
)

S = 1_000_000
OTP, TRANSACTIONAL, MARKETING = MessageClass
NUMBER, TEXT = "447700900123", "Your parcel waits at the corner shop."


def good():
    """Two messages, one of two segments; nothing wrong, all evidence at hand."""
    return History(
        accepted=[
            Accepted(1 * S, "m1", "acme", TRANSACTIONAL, key="k1"),
            Accepted(1 * S, "m1", "acme", TRANSACTIONAL, key="k1"),  # a replay
            Accepted(2 * S, "m2", "zeta", OTP, segments=2),
        ],
        submits=[
            Submit(3 * S, "m1", "alpha", 0),
            Submit(4 * S, "m2", "beta", 0, segment=1),
            Submit(4 * S, "m2", "beta", 1, segment=2),
        ],
        answers=[
            Answer(3 * S + 5, "m1", "alpha", 0, True),
            Answer(4 * S + 5, "m2", "beta", 0, True),
            Answer(4 * S + 5, "m2", "beta", 1, True),
        ],
        receipts=[
            Receipt(5 * S, "m1", "alpha", 0, delivered=False, acked=True),
            Receipt(5 * S, "m2", "beta", 0, delivered=True, acked=True, segment=1),
            Receipt(5 * S, "m2", "beta", 1, delivered=True, acked=True, segment=2),
        ],
        deliveries=[
            Delivery(6 * S, "m1", "acme", "evt_1", State.UNDELIVERED, signed=True, taken=False),
            Delivery(7 * S, "m1", "acme", "evt_1", State.UNDELIVERED, signed=True),
            Delivery(6 * S, "m2", "zeta", "evt_2", State.DELIVERED, signed=True),
        ],
        dead=set(),
        ended=[Ended(8 * S, "m1", State.UNDELIVERED), Ended(8 * S, "m2", State.DELIVERED)],
        faults=[],
        seen=[Seen(8 * S, "m1", "acme", "GET /v1/messages")],
        conservation=Conservation({"accepted": 2, "live": 0, "finished": 2}, []),
        memory=[Memory(1 * S, 10, 100), Memory(2 * S, 90, 100, frozenset({MARKETING}), finished=1, live=1)],
        recoveries=[Recovery(1 * S, "carrier:alpha", 2 * S, 3 * S)],
        otp_idle_us=[1_000] * 100,
        otp_loaded_us=[2_000] * 100,
        lines=[Line("front.log", "api.request id=01ARZ3NDEKTSV4RRFFQ69G5FAV status=202 took_us=1234567")],
        numbers=[NUMBER],
        texts=[TEXT],
        speeds_mps={"alpha": 10, "beta": 10},
        paces=[Pace("alpha", 10, 10), Pace("beta", 99, 0)],
        zombies=[Zombie(9 * S, "carrier:alpha#0", 0)],
    )


def add(run, **facts):
    """The run with more facts of some kinds."""
    return replace(run, **{kind: [*(getattr(run, kind) or ()), *more] for kind, more in facts.items()})


def breached(run):
    return set(examine(run).breached)


def test_a_good_run_passes_every_rule():
    verdict = examine(good())
    assert verdict.clean
    assert list(verdict.passed) == [rule.name for rule in RULES]
    assert (verdict.duplicates, verdict.bound) == (0, 0)


def test_without_evidence_nothing_passes():
    verdict = examine(History())
    assert list(verdict.passed) == []
    assert set(verdict.unchecked) == {rule.name for rule in RULES}
    assert "not checked, without accepted, ended" in str(verdict)


@pytest.mark.parametrize("kind", sorted({need for rule in RULES for need in rule.needs}))
def test_a_missing_kind_of_evidence_is_never_a_pass(kind):
    verdict = examine(replace(good(), **{kind: None}))
    needing = {rule.name for rule in RULES if kind in rule.needs}
    assert set(verdict.unchecked) == needing
    assert not needing & set(verdict.passed)
    assert verdict.clean


def test_every_kind_of_evidence_is_asked_for_by_a_rule():
    # They refine rules that need something else.
    told_beside = {"promises", "timeouts_us", "slack_us", "jitter_us", "dead", "hang_ups"}
    assert {field.name for field in fields(History)} - told_beside == {need for rule in RULES for need in rule.needs}


def lost():
    return replace(good(), ended=good().ended[:1])


def ended_twice():
    return add(good(), ended=[Ended(9 * S, "m2", State.UNDELIVERED)])


def never_carried():
    run = good()
    return replace(run, submits=run.submits[:1])


def unconfirmed_with_nothing_lost():
    run = unconfirmed_with_receipts()
    hung_up_later = [HangUp(9 * S, "beta")]
    return replace(run, submits=run.submits[:1], hang_ups=hung_up_later)


def delivered_without_a_receipt_for_a_segment():
    run = good()
    return replace(run, receipts=run.receipts[:2])


def unconfirmed_with_receipts():
    run = good()
    return replace(run, ended=[run.ended[0], Ended(8 * S, "m2", State.UNCONFIRMED)], deliveries=run.deliveries[:2])


def one_too_many():
    return add(good(), submits=[Submit(60 * S, "m2", "alpha", 1)], answers=[Answer(61 * S, "m2", "alpha", 1, True)])


def a_copy_before_the_hold():
    run = good()
    return replace(
        add(run, submits=[Submit(4 * S + 10, "m2", "alpha", 9)]),
        answers=[answer for answer in run.answers if answer.carrier == "alpha"],
    )


def a_second_copy_of_marketing():
    run = good()
    return replace(
        add(run, submits=[Submit(2000 * S, "m1", "beta", 9)], answers=[Answer(2001 * S, "m1", "beta", 9, True)]),
        accepted=[Accepted(1 * S, "m1", "acme", MARKETING)],
        faults=[Fault(3 * S, "kill", "alpha", doubts=10)],
    )


def after_the_end():
    return add(good(), submits=[Submit(8 * S + 1, "m1", "beta", 5)], answers=[Answer(8 * S + 2, "m1", "beta", 5, False)])


def two_ids_for_a_key():
    return add(good(), accepted=[Accepted(9 * S, "m3", "acme", TRANSACTIONAL, key="k1")])


def an_id_twice():
    return add(good(), accepted=[Accepted(9 * S, "m2", "zeta", OTP, segments=2)])


def one_id_for_two_keys():
    return add(good(), accepted=[Accepted(9 * S, "m1", "acme", TRANSACTIONAL, key="k2")])


def in_two_places():
    return replace(good(), conservation=Conservation({"accepted": 2, "finished": 2}, ["p01 X is QUEUED and stands in []"]))


def sums_that_differ():
    return replace(good(), conservation=Conservation({"accepted": 2, "live": 0, "finished": 1}, []))


def nowhere():
    return replace(good(), conservation=Conservation({"accepted": 3, "live": 1, "finished": 2}, []))


def unknown_to_the_journal():
    return replace(good(), conservation=Conservation({"accepted": 1, "live": 0, "finished": 1}, []))


def too_fast():
    return replace(good(), speeds_mps={"alpha": 10, "beta": 1})


def too_fast_at_the_wire():
    return replace(good(), paces=[Pace("alpha", 11, 10)])


def a_zombie_that_writes():
    return replace(good(), zombies=[Zombie(9 * S, "carrier:alpha#0", 1)])


def slow_codes():
    return replace(good(), otp_loaded_us=[2_000] * 98 + [2_001] * 2)


def untold():
    run = good()
    return replace(run, deliveries=run.deliveries[:1] + run.deliveries[2:])


def told_under_two_ids():
    return add(good(), deliveries=[Delivery(9 * S, "m2", "zeta", "evt_9", State.DELIVERED, signed=True)])


def one_webhook_id_for_two():
    return add(good(), deliveries=[Delivery(9 * S, "m2", "zeta", "evt_1", State.DELIVERED, signed=True)])


def forged():
    return add(good(), deliveries=[Delivery(9 * S, "m2", "zeta", "evt_2", State.DELIVERED, signed=False)])


def a_webhook_that_lies():
    return add(good(), deliveries=[Delivery(9 * S, "m2", "zeta", "evt_3", State.FAILED, signed=True)])


def full():
    return add(good(), memory=[Memory(3 * S, 101, 100)])


def codes_shed_first():
    return add(good(), memory=[Memory(3 * S, 90, 100, frozenset({OTP}))])


def no_drain():
    busy = frozenset({MARKETING})
    return add(good(), memory=[Memory(at_s * S, 90, 100, busy, finished=7, live=3) for at_s in range(3, 20)])


def foreign_webhook():
    return add(good(), deliveries=[Delivery(9 * S, "m2", "acme", "evt_2", State.DELIVERED, signed=True)])


def foreign_look():
    return add(good(), seen=[Seen(9 * S, "m2", "acme", "GET /v1/messages")])


def never_back():
    return add(good(), recoveries=[Recovery(9 * S, "front#0", None, 3 * S)])


def slowly_back():
    return add(good(), recoveries=[Recovery(9 * S, "front#0", 3 * S + 1, 3 * S)])


def tells_a_number():
    return add(good(), lines=[Line("carrier.log", f"carrier.sent to=+{NUMBER}")])


def tells_a_text():
    return add(good(), lines=[Line("carrier.log", f"carrier.sent what={TEXT[7:30]}")])


BAD = {
    "I1 every message ends": [lost],
    "I1 one end": [ended_twice],
    "I1 ends come from carriers": [never_carried, unconfirmed_with_nothing_lost],
    "I1 ends are what receipts say": [delivered_without_a_receipt_for_a_segment],
    "I1 receipts count": [unconfirmed_with_receipts],
    "I2 duplicates are bounded": [one_too_many],
    "I2 duplicates have a cause": [one_too_many],
    "I2 no copy while unknown": [a_copy_before_the_hold, a_second_copy_of_marketing],
    "I2 no submit after the end": [after_the_end, one_too_many],
    "I3 one id for a key": [two_ids_for_a_key, one_id_for_two_keys],
    "I3 no id twice": [an_id_twice],
    "I4 conservation": [in_two_places, sums_that_differ, nowhere, unknown_to_the_journal],
    "I5 contracted speed": [too_fast],
    "I5 contracted speed at the wire": [too_fast_at_the_wire],
    "I5 zombies are silent": [a_zombie_that_writes],
    "I6 codes before campaigns": [slow_codes],
    "I7 every end is told": [untold],
    "I7 one webhook-id an end": [told_under_two_ids, one_webhook_id_for_two],
    "I7 valid signatures": [forged],
    "I7 webhooks tell the truth": [a_webhook_that_lies],
    "I8 memory is bounded": [full, codes_shed_first, no_drain],
    "I9 tenants by webhook": [foreign_webhook],
    "I9 tenants by API": [foreign_look],
    "I10 recovery": [never_back, slowly_back],
    "I11 no number, no text": [tells_a_number, tells_a_text],
}


@pytest.mark.parametrize(("rule", "bad"), [(rule.name, bad) for rule in RULES for bad in BAD[rule.name]])
def test_a_run_that_breaches_a_rule_is_seen(rule, bad):
    assert rule in breached(bad())


def test_a_carrier_that_hangs_up_may_leave_what_it_never_saw_in_doubt():
    run = replace(unconfirmed_with_nothing_lost(), hang_ups=[HangUp(7 * S, "beta")])
    assert "I1 ends come from carriers" not in breached(run)


def test_a_breach_tells_the_last_events_of_its_message():
    verdict = examine(lost())
    (breach,) = (one for one in verdict.breaches if one.rule == "I1 every message ends")
    assert breach.message == "m2"
    assert [event.partition("(")[0] for event in breach.events] == ["Accepted", "Submit", "Submit"] + ["Answer"] * 2 + [
        "Receipt"
    ] * 2 + ["Delivery"]
    assert "m2" in str(breach)


def test_many_breaches_are_counted_and_not_all_told():
    run = replace(good(), accepted=[Accepted(S, f"x{n}", "acme", OTP) for n in range(1000)])
    verdict = examine(run)
    assert verdict.breached["I1 every message ends"] == 1000
    assert sum(breach.rule == "I1 every message ends" for breach in verdict.breaches) == 20
    assert "1000 in all" in str(verdict)


def test_a_kill_explains_as_many_duplicates_as_its_window():
    run = replace(one_too_many(), ended=[Ended(99 * S, "m1", State.UNDELIVERED), Ended(99 * S, "m2", State.DELIVERED)])
    killed = replace(run, faults=[Fault(4 * S, "kill", "beta", doubts=1)])
    verdict = examine(killed)
    assert (verdict.duplicates, verdict.bound) == (1, 1)
    assert verdict.clean
    assert breached(replace(run, faults=[Fault(4 * S, "kill", "beta", doubts=0)])) == {"I2 duplicates are bounded"}
    assert breached(replace(run, faults=[Fault(4 * S, "kill", "alpha", doubts=1)])) == {"I2 duplicates have a cause"}
    assert breached(replace(run, faults=[Fault(2 * S, "kill", "beta", doubts=1)])) == {"I2 duplicates have a cause"}
    paused = Fault(2 * S, "stopped", "", doubts=1, until_us=5 * S)
    assert breached(replace(run, faults=[paused])) == set()


def test_a_refused_submit_is_no_copy():
    run = one_too_many()
    refused = [*run.answers[:1], run.answers[1]._replace(taken=False), *run.answers[2:]]
    assert examine(replace(run, answers=refused)).duplicates == 0


def test_a_submit_without_an_answer_explains_a_copy():
    run = one_too_many()
    verdict = examine(replace(run, answers=run.answers[:1] + run.answers[2:]))
    assert (verdict.duplicates, verdict.bound) == (1, 1)
    assert set(verdict.breached) == {"I2 no submit after the end"}


def test_a_class_that_is_rescued_may_be_sent_twice():
    promises = {OTP: Promise(None, 3 * S, copies=True)}
    run = replace(one_too_many(), promises=promises)
    assert breached(run) == {"I2 no submit after the end"}


def test_a_receipt_of_a_submit_without_an_answer_proves_nothing():
    run = unconfirmed_with_receipts()
    run = replace(run, answers=run.answers[:2])
    assert "I1 receipts count" not in breached(run)


def test_dead_letters_excuse_an_end_that_was_tried_to_be_told():
    run = replace(untold(), dead={"m1"})
    assert breached(run) == set()
    assert breached(replace(run, deliveries=run.deliveries[1:])) == {"I7 every end is told"}


def test_slack_forgives_what_two_clocks_may_differ_by():
    run = after_the_end()
    assert breached(replace(run, slack_us=1)) == set()


def test_the_verdict_goes_into_a_report():
    told = examine(lost()).to_dict()
    assert told["clean"] is False
    assert told["breached"] == {"I1 every message ends": 1}
    assert told["breaches"][0]["message"] == "m2"
    assert examine(replace(good(), memory=None)).to_dict()["not_checked"] == {"I8 memory is bounded": ["memory"]}


def test_few_latencies_are_no_percentile():
    verdict = examine(replace(good(), otp_idle_us=[1] * 99))
    assert "I6 codes before campaigns" in verdict.unchecked
