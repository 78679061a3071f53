"""The link against the SMSC of the simulators, with temperaments."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import get_args

import pytest

from carriers.port import Verdict
from router.settings import LongMessages
from router.text.reading import decode
from sims.smsc.options import SmscOptions
from sims.smsc.server import Smsc
from sims.smsc.temperament import Temperament

TEXTS = {"gsm7": ("{€}" * 150, 6), "ucs2": ("ж😀 " * 50, 4)}


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Awaitable[tuple[Smsc, str]]]]:
    running: list[Smsc] = []

    async def start(**temperament) -> tuple[Smsc, str]:
        made = Smsc(SmscOptions(port=0), Temperament(**temperament))
        running.append(made)
        return made, f"127.0.0.1:{await made.start()}"

    yield start
    for one in running:
        await one.stop()


@pytest.mark.parametrize("marks", get_args(LongMessages))
async def test_long_messages_arrive_whole_however_they_are_marked(start, make_rig, poll, marks):
    far, address = await start(receipt_median_s=0.01)
    rig = await make_rig(addresses=(address,), long_messages=marks, sessions=2, window=3, tlvs={"0x1400": "3132"}).bound(2)
    sent = [
        rig.outgoing(text, encoding=encoding, segments=segments, to=f"4477009000{n:02}")
        for n in range(5)
        for encoding, (text, segments) in TEXTS.items()
    ]
    rig.link.send(sent)
    answers = await rig.answered(10)
    assert {answer.verdict for answer in answers} == {Verdict.ACCEPTED}
    inbox = far.office.custody.inbox
    assert (inbox.messages, inbox.incomplete) == (10, 0)
    arrived = sorted((one.destination, decode(one.octets, one.data_coding, udh=False)) for one in inbox.recent)
    assert arrived == sorted((one.body.to, one.body.text) for one in sent)
    ids = {carrier_id for answer in answers for carrier_id in answer.carrier_ids if carrier_id}
    await poll(lambda: {receipt.carrier_id for receipt in rig.receipts} == ids)


PORTS = bytes.fromhex("05040b8423f0")
FORMS = [
    ("Şifreniz 4711, lütfen paylaşmayın. " * 4, "ucs2", 3, b"", 0, 1),
    ("Şifreniz 4711, lütfen paylaşmayın. " * 8, "ucs2", 5, b"", 0, 2),
    ("ж" * 100, "ucs2", 2, b"", 8, 2),
    ("\0\xff\x1b" * 100, "octets", 3, PORTS, 4, 3),
    ("x" * 300, "gsm7", 3, PORTS, 0, 3),
]


@pytest.mark.parametrize("marks", ["udh8", "udh16"])
async def test_tables_ports_and_binary_arrive(start, make_rig, poll, marks):
    far, address = await start(receipt_median_s=0.01)
    rig = await make_rig(addresses=(address,), long_messages=marks, window=5, shift_tables=("turkish",)).bound()
    sent = [
        rig.outgoing(text, encoding=encoding, segments=segments, udh=udh, to=f"4477009000{n:02}")
        for n, (text, encoding, segments, udh, _, _) in enumerate(FORMS)
    ]
    rig.link.send(sent)
    answers = {answer.id: answer for answer in await rig.answered(len(FORMS))}
    assert {answer.verdict for answer in answers.values()} == {Verdict.ACCEPTED}
    # an id a segment, though tables need fewer
    assert [len(answers[one.id].carrier_ids) for one in sent] == [segments for _, _, segments, _, _, _ in FORMS]
    arrived = sorted(far.office.custody.inbox.recent, key=lambda one: one.destination)
    assert [one.text for one in arrived] == [text for text, *_ in FORMS]
    assert [(one.data_coding, len(one.message_ids)) for one in arrived] == [(coding, parts) for *_, coding, parts in FORMS]
    assert [one.udh.hex() for one in arrived] == ["240101", "250101", "", PORTS.hex(), PORTS.hex()]
    ids = {carrier_id for answer in answers.values() for carrier_id in answer.carrier_ids if carrier_id}
    await poll(lambda: {receipt.carrier_id for receipt in rig.receipts} == ids)


@pytest.mark.parametrize(
    ("answer", "receipt", "mode"), [("decimal", "hex", "decimal_to_hex"), ("hex", "padded", "hex_to_decimal")]
)
async def test_a_carrier_that_writes_ids_in_two_ways_is_found_out(start, make_rig, poll, answer, receipt, mode):
    _, address = await start(message_ids=answer, receipt_ids=receipt, receipt_median_s=0.01)
    rig = await make_rig(addresses=(address,), window=100).bound()
    rig.link.send([rig.outgoing() for _ in range(60)])
    await poll(lambda: len(rig.receipts) == 60)
    assert rig.link.state.suggestion.startswith(f"receipt ids would match as {mode}: ")
    mended = await make_rig(addresses=(address,), system_id="other", window=100, receipt_ids=mode).bound()
    mended.link.send([mended.outgoing() for _ in range(60)])
    await poll(lambda: len(mended.receipts) == 60)
    ids = {carrier_id for one in mended.answers for carrier_id in one.carrier_ids}
    assert {one.carrier_id for one in mended.receipts} == ids
    assert mended.link.state.suggestion == ""


async def test_a_window_is_found_at_a_carrier_that_takes_its_time(start, make_rig):
    _, address = await start(answer_median_s=0.03, answer_sigma=0.2)
    rig = await make_rig(addresses=(address,), window=0).bound()
    rig.link.send([rig.outgoing() for _ in range(600)])
    await rig.answered(600)
    assert {answer.verdict for answer in rig.answers} == {Verdict.ACCEPTED}
    assert rig.link.state.window > 20


async def test_a_fussy_carrier_gets_what_it_takes(start, make_rig):
    far, address = await start(errors={"0x62": 0.3, "0xC1": 0.2})
    rig = await make_rig(addresses=(address,), tlvs={"0x1400": "00"}, window=50).bound()
    rig.link.send([rig.outgoing() for _ in range(200)])
    answers = await rig.answered(200)
    verdicts = [answer.verdict for answer in answers]
    assert set(verdicts) <= {Verdict.ACCEPTED, Verdict.REFUSED}
    assert verdicts.count(Verdict.ACCEPTED) == far.office.custody.inbox.messages > 120
    assert 80 < rig.link.counters.mended < 160
