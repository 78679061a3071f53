"""Our carrier link against SMSCs that are not ours: smpp.twisted3 (what Jasmin speaks) and Perl's Net::SMPP."""

import re
import sys

import pytest
from interop_foreign import PROGRAMS, missing, until

from carriers.port import Verdict
from carriers.smpp import commands as c
from router.model import State

SMSCS = {
    "jasmin": (sys.executable, "-W", "error", str(PROGRAMS / "jasmin_smsc.py")),
    "perl": ("perl", str(PROGRAMS / "perl_smsc.pl")),
}
LONG = "Long enough for two parts, if one looks at it. " * 6
LONG_UCS2 = "Привет, мир 😀 " * 10


@pytest.fixture(params=[name for name in SMSCS if name not in missing()])
async def smsc(request, run):
    program = await run(*SMSCS[request.param])
    program.port = await program.listening()
    program.name = request.param
    return program


@pytest.fixture
async def rig_to(smsc, make_rig):
    async def make(**fields):
        return await make_rig(smsc.port, **fields)

    return make


async def obeyed(smsc, line):
    """``line`` has been read: it answers lines in their order."""
    smsc.tell(line)
    smsc.tell("enquire")
    await smsc.next("alive")


async def test_a_message_is_taken_and_its_receipt_comes_back(smsc, rig_to):
    rig = await rig_to()
    rig.link.send([rig.outgoing("Your code is 123456", sender="Trunkline")])
    (answer,) = await rig.answered()
    submit = await smsc.next("submit")
    assert (answer.verdict, answer.carrier_ids) == (Verdict.ACCEPTED, (submit["id"],))
    assert bytes.fromhex(submit["octets"]) == b"Your code is 123456"
    assert (submit["source"], submit["source_ton"], submit["destination"]) == ("Trunkline", "5", "447700900123")
    assert (submit["data_coding"], submit["esm_class"]) == ("0", "0")
    assert re.fullmatch(r"000000(005959|010000)000R", submit["validity"])
    await until(lambda: rig.receipts, "receipt")
    receipt = rig.receipts[0]
    assert (receipt.carrier_id, receipt.state, receipt.stat, receipt.err) == (submit["id"], State.DELIVERED, "DELIVRD", "000")
    answered = await smsc.next("answered")
    assert (answered["command"], answered["status"]) == ("deliver_sm_resp", "ESME_ROK")


async def test_many_at_once_on_two_sessions(smsc, rig_to):
    rig = await rig_to(sessions=2, window=20)
    rig.link.send([rig.outgoing(f"number {n}", to=f"4477009{n:05}") for n in range(300)])
    answers = await rig.answered(300)
    assert {answer.verdict for answer in answers} == {Verdict.ACCEPTED}
    ids = {carrier_id for answer in answers for carrier_id in answer.carrier_ids}
    assert len(ids) == 300
    await until(lambda: {receipt.carrier_id for receipt in rig.receipts} == ids, "300 receipts")
    await smsc.next("answered", 300)
    assert {one["status"] for one in smsc.told("answered")} == {"ESME_ROK"}
    assert len(smsc.told("bound")) == 2


async def test_one_session_each_way(smsc, rig_to):
    rig = await rig_to(bind="transmitter_receiver")
    await until(lambda: rig.link.state.receivers == 1, "bound both ways")
    assert sorted(one["command"] for one in smsc.told("bound")) == ["bind_receiver", "bind_transmitter"]
    rig.link.send([rig.outgoing()])
    (answer,) = await rig.answered()
    await until(lambda: rig.receipts, "receipt")
    assert answer.carrier_ids == (rig.receipts[0].carrier_id,)


async def test_every_alphabet(smsc, rig_to):
    rig = await rig_to()
    rig.link.send([rig.outgoing("@£Δ€{}"), rig.outgoing("Код 42 😀", encoding="ucs2"), rig.outgoing("hi", flash=True)])
    await rig.answered(3)
    await smsc.next("submit", 3)
    gsm, ucs2, flash = smsc.told("submit")
    assert (gsm["data_coding"], gsm["octets"]) == ("0", "0001101b651b281b29")
    assert (ucs2["data_coding"], bytes.fromhex(ucs2["octets"]).decode("utf-16-be")) == ("8", "Код 42 😀")
    assert (flash["data_coding"], flash["octets"]) == ("16", "6869")


@pytest.mark.parametrize("marks", ["udh8", "udh16"])
@pytest.mark.parametrize(("encoding", "text", "parts"), [("gsm7", LONG, 2), ("ucs2", LONG_UCS2, 3)])
async def test_parts_with_headers(smsc, rig_to, marks, encoding, text, parts):
    rig = await rig_to(long_messages=marks)
    rig.link.send([rig.outgoing(text, encoding=encoding, segments=parts)])
    (answer,) = await rig.answered()
    assert answer.verdict == Verdict.ACCEPTED
    await smsc.next("submit", parts)
    told = smsc.told("submit")
    assert answer.carrier_ids == tuple(one["id"] for one in told)
    assert {one["esm_class"] for one in told} == {"64"}
    octets = [bytes.fromhex(one["octets"]) for one in told]
    length = 6 if marks == "udh8" else 7
    assert [one[0] for one in octets] == [length - 1] * parts
    assert [one[length - 2 : length] for one in octets] == [bytes((parts, n)) for n in range(1, parts + 1)]
    assert len({one[: length - 1] for one in octets}) == 1
    assert b"".join(one[length:] for one in octets).decode("utf-16-be" if encoding == "ucs2" else "ascii") == text
    if smsc.name == "jasmin":  # it reads headers too
        read = [[int(number) for number in one["part"].split("/")] for one in told]
        assert [one[1:] for one in read] == [[number, parts] for number in range(1, parts + 1)]
        assert {one[0] for one in read} == {int.from_bytes(octets[0][3 : length - 2], "big")}
        assert "".join(bytes.fromhex(one["text"]).decode() for one in told) == text
    await until(lambda: {one.carrier_id for one in rig.receipts} == set(answer.carrier_ids), "receipts")


async def test_parts_marked_by_parameters(smsc, rig_to):
    rig = await rig_to(long_messages="sar")
    rig.link.send([rig.outgoing(LONG_UCS2, encoding="ucs2", segments=3)])
    (answer,) = await rig.answered()
    assert answer.verdict == Verdict.ACCEPTED
    await smsc.next("submit", 3)
    told = smsc.told("submit")
    assert [(one["sar_segment_seqnum"], one["sar_total_segments"]) for one in told] == [("1", "3"), ("2", "3"), ("3", "3")]
    assert len({one["sar_msg_ref_num"] for one in told}) == 1
    assert {one["esm_class"] for one in told} == {"0"}
    assert b"".join(bytes.fromhex(one["octets"]) for one in told).decode("utf-16-be") == LONG_UCS2


async def test_a_whole_long_message_in_one_payload(smsc, rig_to):
    rig = await rig_to(long_messages="payload")
    rig.link.send([rig.outgoing(LONG_UCS2, encoding="ucs2", segments=3)])
    (answer,) = await rig.answered()
    assert answer.verdict == Verdict.ACCEPTED
    submit = await smsc.next("submit")
    assert (submit["payload"], bytes.fromhex(submit["octets"]).decode("utf-16-be")) == ("1", LONG_UCS2)


async def test_vendors_parameters_do_no_harm(smsc, rig_to):
    rig = await rig_to(tlvs={"0x1400": "31323334", "0x1401": "35363738"})
    rig.link.send([rig.outgoing()])
    (answer,) = await rig.answered()
    assert answer.verdict == Verdict.ACCEPTED


async def test_a_throttled_message_waits_and_goes_again(smsc, rig_to):
    rig = await rig_to()
    await obeyed(smsc, "status ESME_RTHROTTLED 1")
    rig.link.send([rig.outgoing()])
    (answer,) = await rig.answered()
    assert answer.verdict == Verdict.ACCEPTED
    assert [one["status"] for one in smsc.told("submit")] == ["ESME_RTHROTTLED", "ESME_ROK"]


@pytest.mark.parametrize(("name", "status"), [("ESME_RINVDSTADR", 0x0B), ("ESME_RSUBMITFAIL", 0x45), ("ESME_RSYSERR", 0x08)])
async def test_a_refusal_is_read(smsc, rig_to, name, status):
    rig = await rig_to()
    await obeyed(smsc, f"status {name} 1")
    rig.link.send([rig.outgoing()])
    (answer,) = await rig.answered()
    assert (answer.verdict, answer.status) == (Verdict.REFUSED, status)


@pytest.mark.parametrize("kind", ["deliver", "data"])
async def test_a_message_from_a_handset(smsc, rig_to, kind):
    rig = await rig_to()
    smsc.tell(f"{kind} 447700900123 12345 0 0 {b'STOP'.hex()}")
    smsc.tell(f"{kind} 447700900123 12345 8 0 {'Да 😀'.encode('utf-16-be').hex()}")
    await smsc.next("answered", 2)
    assert [(one["command"], one["status"]) for one in smsc.told("answered")] == [(f"{kind}_sm_resp", "ESME_ROK")] * 2
    one, two = rig.inbound
    assert (one.source, one.source_ton, one.source_npi) == ("447700900123", 1, 1)
    assert (one.destination, one.destination_ton, one.destination_npi) == ("12345", 2, 1)
    assert (one.octets, one.data_coding, one.part) == (b"STOP", 0, None)
    assert (two.octets.decode("utf-16-be"), two.data_coding) == ("Да 😀", 8)
    assert rig.receipts == []


async def test_the_parts_of_a_long_message_from_a_handset(smsc, rig_to):
    rig = await rig_to()
    for number in (1, 2):
        smsc.tell(f"deliver 447700900123 12345 0 64 {(bytes((5, 0, 3, 9, 2, number)) + b'x' * 100).hex()}")
    await smsc.next("answered", 2)
    assert [(one.part.reference, one.part.total, one.part.number) for one in rig.inbound] == [(9, 2, 1), (9, 2, 2)]
    assert {one.octets for one in rig.inbound} == {b"x" * 100}


@pytest.mark.parametrize("kind", ["deliver", "data"])
async def test_a_message_from_a_handset_that_nobody_wants_or_can_keep(smsc, rig_to, kind):
    rig = await rig_to()
    rig.inbound_status = c.RX_P_APPN
    smsc.tell(f"{kind} 447700900123 12345 0 0 53")
    await smsc.next("answered")
    rig.inbound_status = 0
    rig.fail_inbound = 1
    smsc.tell(f"{kind} 447700900123 12345 0 0 53")
    await smsc.next("answered", 2)
    smsc.tell(f"{kind} 447700900123 12345 0 0 53")
    await smsc.next("answered", 3)
    assert [one["status"] for one in smsc.told("answered")] == ["ESME_RX_P_APPN", "ESME_RSYSERR", "ESME_ROK"]


async def test_a_lost_receipt_is_asked_for(smsc, rig_to):
    rig = await rig_to(query_after_s=0.1)
    await obeyed(smsc, "quiet")
    rig.link.send([rig.outgoing()])
    (answer,) = await rig.answered()
    query = await smsc.next("query")
    assert (query["id"],) == answer.carrier_ids
    await until(lambda: rig.receipts, "answer")
    assert (rig.receipts[0].carrier_id, rig.receipts[0].state) == (query["id"], State.DELIVERED)


async def test_either_side_asks_whether_the_other_lives(smsc, rig_to, conversations):
    await rig_to(enquire_link_s=0.2)
    smsc.tell("enquire")
    await smsc.next("alive")

    def answered():
        return any(pdu[4:8] == c.ENQUIRE_LINK_RESP.to_bytes(4, "big") for by_us, pdu in conversations[-1].pdus() if not by_us)

    await until(answered, "its answer")


async def test_a_wrong_password(smsc, rig_to):
    rig = await rig_to(password="wrong", bound=False)
    await until(lambda: rig.link.state.reason.startswith("bind refused: ESME_RINVPASWD (0x0E)"), "refused")
    assert smsc.told("bound") == []


async def test_it_unbinds_and_is_bound_again(smsc, rig_to):
    rig = await rig_to()
    smsc.tell("unbind")
    await smsc.next("unbound")
    await smsc.next("bound", 2)
    await until(lambda: rig.link.state.bound == 1, "bound again")


async def test_we_unbind_at_the_end(smsc, rig_to, conversations):
    rig = await rig_to()
    await rig.link.close(1.0)
    await smsc.next("gone")
    (client, last), (server, answer) = [pdu for pdu in conversations[-1].pdus() if pdu[1][7] == c.UNBIND]
    assert (client, last[4:8], server, answer[4:8]) == (True, b"\0\0\0\x06", False, b"\x80\0\0\x06")
