"""Requests that of all the customers' software only Perl's Net::SMPP knows."""

import pytest
from interop_customers import NUMBER, SENDER

from carriers.smpp import commands as c

pytestmark = pytest.mark.parametrize("name", ["perl"])


async def test_one_message_to_many(office, bound):
    bound.program.tell(f"multi {NUMBER},447700900124,12 {b'hello'.hex()}")
    answer = await bound.program.next("multi")
    assert (answer["status"], answer["id"]) == ("0", office.ids[-1])
    assert answer["unsuccess"] == f"12:{c.RINVDSTADR}"
    assert office.texts == [(SENDER, NUMBER, "hello"), (SENDER, "447700900124", "hello")]


async def test_a_data_sm(office, bound):
    bound.program.tell(f"data {(b'hello ' * 60).hex()}")
    answer = await bound.program.next("other")
    assert (answer["command"], answer["status"]) == ("data_sm_resp", "0")
    assert office.texts == [(SENDER, NUMBER, ("hello " * 60))]
    await bound.program.next("receipt")
    assert bound.receipts == [(office.ids[0], "DELIVRD")]


async def test_a_cancel_and_a_replacement(office, bound):
    ((_, message_id),) = await bound.submit("hello")
    bound.program.tell(f"cancel {message_id}")
    bound.program.tell(f"replace {message_id} {b'bye'.hex()}")
    await bound.program.next("other", 2)
    told = [(one["command"], one["status"]) for one in bound.program.told("other")]
    assert told == [("cancel_sm_resp", "0"), ("replace_sm_resp", "0")]
    cancel, replacement = office.wishes
    assert (cancel.message_id, cancel.source, cancel.destination) == (message_id, SENDER, NUMBER)
    assert (replacement.message_id, replacement.source, replacement.short_message) == (message_id, SENDER, b"bye")
