"""What a load run keeps for the invariants."""

from router.model import MessageClass
from sims.load.evidence import Evidence
from sims.load.receiver import Event

OTP = MessageClass.OTP


def test_a_repeated_request_that_gets_another_id_is_a_breach():
    evidence = Evidence(webhooks=False, keyed=True)
    for at_us, message_id in ((1, "a"), (2, "a"), (3, "b")):
        evidence.accepted(at_us, message_id, OTP, 7, 0)
        evidence.ended(message_id, "delivered")
    assert evidence.verdict().breached == {"I3 one id for a key": 1}


def test_without_keys_an_id_given_out_twice_is_a_breach():
    evidence = Evidence(webhooks=False, keyed=False)
    for request in (1, 2):
        evidence.accepted(request, "a", OTP, request, 0)
    evidence.ended("a", "queued")  # no end
    evidence.ended("a", "delivered")
    assert evidence.verdict().breached == {"I3 no id twice": 1}


def test_an_end_that_only_a_forged_webhook_told_is_a_breach():
    evidence = Evidence(webhooks=True, keyed=False)
    evidence.accepted(1, "a", OTP, 1, 0)
    evidence.ended("a", "delivered")
    evidence.delivered(Event("a", "sent", "evt_0", signed=True))  # of no end
    evidence.delivered(Event("a", "delivered", "evt_1", signed=False))
    assert evidence.verdict().breached == {"I7 every end is told": 1, "I7 valid signatures": 1}
    evidence.delivered(Event("a", "delivered", "evt_2", signed=True))
    assert evidence.verdict().breached == {"I7 one webhook-id an end": 1, "I7 valid signatures": 1}
