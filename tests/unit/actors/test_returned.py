"""What a carrier's actor does with messages that come back unwritten."""

import time
from types import SimpleNamespace

import pytest

from actors.metrics import Metrics
from actors.outcomes import Outcomes
from carriers.port import VALIDITY_OVER, Answer, Verdict
from router.ids import make_id
from router.model import MessageClass
from router.settings import CarrierProfile

ID = make_id(1, 7, bytes(10))
PROFILE = CarrierProfile(name="a", addresses=("127.0.0.1:2775",), system_id="a", password="secret")


@pytest.mark.parametrize("early_ms", [60_000, -60_000])
def test_what_is_said_to_be_over_waits_for_its_end(early_ms):
    # A clock that is a minute ahead, and one that is right: neither has the message come straight back, to go round until the clocks agree.
    now_ms = time.time_ns() // 1_000_000
    expires_ms = now_ms + early_ms
    outcomes = Outcomes(None, "carrier:a#0", PROFILE, Metrics("carrier"), rules=lambda _: None, observe=lambda _: None)
    outgoing = SimpleNamespace(id=ID, attempts=2, klass=MessageClass.OTP, copy=False, body=SimpleNamespace(expires_ms=expires_ms))
    outcomes.flying[ID] = outgoing
    outcomes.on_answers([Answer(ID, Verdict.RETURNED, reason=VALIDITY_OVER)])
    (requeued,) = outcomes.requeued._items
    assert requeued.due_ms >= max(expires_ms, now_ms + 1_000)
    assert (requeued.counted, requeued.attempts) == (False, 2)


def test_what_found_no_session_comes_back_at_once():
    outcomes = Outcomes(None, "carrier:a#0", PROFILE, Metrics("carrier"), rules=lambda _: None, observe=lambda _: None)
    outcomes.flying[ID] = SimpleNamespace(
        id=ID, attempts=1, klass=MessageClass.OTP, copy=False, body=SimpleNamespace(expires_ms=5)
    )
    outcomes.on_answers([Answer(ID, Verdict.RETURNED, reason="no session is bound")])
    (requeued,) = outcomes.requeued._items
    assert requeued.due_ms == 0
