"""Journals as earlier releases left them, taken over by this one: everything in them is read, and goes on to its end.

The files of tests/data/records were written by the code of each release (``story.py``). A file is never changed again. When the form of a
record changes, the release that changes it adds a file, and this release's own file is the last one: if the test that compares it fails,
a layout has changed under messages that are in flight on somebody's disk.
"""

from pathlib import Path

import pytest
import records_story as story

from router.journal.port import Assign, Note
from router.model import MessageClass, State
from router.record import EventKind, unpack_body, unpack_events

FORMS = {
    "journal-1-first": 1,
    "journal-2-channels": 2,
    "journal-3-copies": 3,
    "journal-4-sealed": 3,
    "journal-5-keyed": 3,
}
NEWEST = "journal-5-keyed"
SEALED = {"journal-4-sealed", "journal-5-keyed"}
FOLDER = Path(__file__).parents[2] / "data" / "records"

STANDS = {
    story.QUEUED: (State.QUEUED, "queue"),
    story.SCHEDULED: (State.SCHEDULED, "due"),
    story.KEYED: (State.QUEUED, "queue"),
    story.CLAIMED: (State.QUEUED, "claimed"),
    story.SENDING: (State.SENDING, "inflight:carrier:a#0"),
    story.SENT: (State.SENT, "wait"),
    story.HALF: (State.SENT, "wait"),
    story.DELIVERED: (State.DELIVERED, "final"),
    story.DEAD_NOTICE: (State.UNDELIVERED, "final"),
    story.HELD: (State.UNKNOWN, "due"),
    story.CANCELED: (State.CANCELED, "final"),
    story.WAITING: (State.QUEUED, "due"),
    story.REJECTED: (State.REJECTED, "final"),
    story.RETRIED: (State.DELIVERED, "final"),
    story.LOCKED: (State.DELIVERED, "final"),
}
LATER = {
    2: {story.TOLD: (State.DELIVERED, "final"), story.HANDSET: (State.RECEIVED, "final")},
    3: dict.fromkeys((story.COPIED, story.COPY_FAILED, story.LOOKED), (State.SENT, "wait")),
}
SENT_LINES = [EventKind.ASSIGNED, EventKind.SUBMITTED]


@pytest.fixture(params=sorted(FORMS))
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def kept(form, request, plain, sealed):
    """The journal of that form."""
    opened = sealed if form in SEALED else plain
    await opened.load(form)
    return opened


def since(part: int) -> list[str]:
    """The forms of releases that knew of it."""
    return sorted(form for form in FORMS if FORMS[form] >= part)


def test_every_file_is_read():
    assert {path.stem for path in FOLDER.glob("journal-*.txt")} == set(FORMS)


async def test_what_is_written_today_has_the_newest_form(sealed):
    for part in story.PARTS:
        await part(sealed.journal)
    assert await sealed.dump() == (FOLDER / f"{NEWEST}.txt").read_text("ascii").splitlines()


async def test_every_message_stands_where_it_stood(form, kept):
    expected = dict(STANDS)
    for part, more in LATER.items():
        expected |= more if FORMS[form] >= part else {}
    report = await kept.journal.check()
    assert list(report.faults) == []
    assert report.counts["accepted"] == len(expected)
    assert report.counts["dead"] == 0
    records = await kept.journal.inspect([story.id_of(n) for n in expected], [story.OWNER, story.OTHER])
    for number, record in zip(expected, records, strict=True):
        assert (record.state, record.place) == expected[number], number
        body = unpack_body(record.body)
        assert (body.text, body.to, body.tenant) == (f"Your code is {number}", "447700900123", story.TENANT)
        assert all(len(line) > 1 for line in unpack_events(record.events))


async def test_histories_say_what_happened(form, kept):
    expected = {
        story.QUEUED: [],
        story.SENT: SENT_LINES,
        story.HALF: [*SENT_LINES, EventKind.RECEIPT],
        story.DELIVERED: [*SENT_LINES, EventKind.RECEIPT, EventKind.FINAL],
        story.HELD: [EventKind.ASSIGNED, EventKind.UNKNOWN],
        story.WAITING: [EventKind.QUEUED],
        story.REJECTED: [EventKind.FINAL],
    }
    if FORMS[form] >= 3:
        expected[story.DELIVERED] = [*expected[story.DELIVERED], EventKind.FEEDBACK]
        expected[story.COPIED] = [*SENT_LINES, EventKind.ASSIGNED]
        expected[story.COPY_FAILED] = [*SENT_LINES, EventKind.ASSIGNED, EventKind.REFUSED]
    records = await kept.journal.read([story.id_of(n) for n in expected])
    for number, record in zip(expected, records, strict=True):
        assert [line[1] for line in unpack_events(record.events)] == expected[number], number


async def test_a_new_dispatcher_takes_what_waits_and_what_its_predecessor_had(kept):
    await kept.journal.lease_partitions("dispatcher:#7", 2, story.ALL, 60)
    claimed, _ = await kept.journal.claim("dispatcher:#7", 2, story.ALL, dict.fromkeys(MessageClass, 100))
    found = {message.id: message for message in claimed}
    assert set(found) == {story.id_of(n) for n in (story.QUEUED, story.KEYED, story.CLAIMED)}
    epoch, _, _ = await kept.journal.register("carrier:c#0", "new", 60)
    bound = [Assign(message.id, message.attempts, story.assigned(1)) for message in claimed]
    assert all(await kept.journal.assign("carrier:c#0", epoch, bound))
    assert list((await kept.journal.check()).faults) == []


async def test_a_new_carrier_holds_what_its_predecessor_had_in_flight(kept):
    epoch, _, _ = await kept.journal.register(story.OWNER, "new", 60)
    holds = dict.fromkeys(MessageClass, story.FAR_MS)
    assert await kept.journal.adopt(story.OWNER, epoch, holds, story.event(story.SENDING, EventKind.UNKNOWN, "a", "ended")) == 1
    (record,) = await kept.journal.inspect([story.id_of(story.SENDING)])
    assert (record.state, record.place) == (State.UNKNOWN, "due")


async def test_receipts_find_what_was_sent(form, kept):
    journal = kept.journal
    come = [story.receipt(story.SENT, State.DELIVERED), story.receipt(story.HALF, State.DELIVERED, "A-h2")]
    for told in await journal.receipts(story.CARRIER, come):
        assert (told.state, told.changed) == (State.DELIVERED, True)
    if FORMS[form] >= 3:
        ends = [story.receipt(story.COPIED, State.DELIVERED), story.receipt(story.COPY_FAILED, State.UNDELIVERED)]
        told = await journal.receipts(story.CARRIER, ends)
        assert [one.state for one in told] == [State.DELIVERED, State.UNDELIVERED]
    assert list((await journal.check()).faults) == []


async def test_a_receipt_that_came_too_early_is_found(kept):
    journal = kept.journal
    await journal.accept([story.intake(99)])
    await story._fly(journal, [99])
    (told,) = await journal.submitted(story.OWNER, story.CARRIER, [story.submitted(99)])
    assert (told.id, told.state, told.changed) == (story.id_of(99), State.DELIVERED, True)


async def test_webhooks_go_on_where_they_were(form, kept):
    dead = await kept.journal.dead_notices(10)
    assert [(notice.id, notice.state, notice.tries) for notice in dead] == [
        (story.id_of(story.DEAD_NOTICE), State.UNDELIVERED, 1)
    ]
    await kept.journal.replay_notices(dead)
    claimed = {notice.id for notice in await kept.journal.claim_notices("courier:#9", story.ALL, 10, 60)}
    assert claimed == {story.id_of(n) for n in [story.DEAD_NOTICE, *([story.HANDSET] if FORMS[form] >= 2 else [])]}
    assert await kept.journal.waiting_notices("") == len(claimed) + 3, "those that a courier had, and the one to be tried later"


# Digests of the sealed form were not keyed; where texts are encrypted only keyed ones are looked for.
@pytest.mark.parametrize("form", sorted(FORMS.keys() - {"journal-4-sealed"}))
async def test_a_request_made_again_is_known(kept):
    now_ms = await kept.now_ms()
    (told,) = await kept.journal.accept([story.intake(story.QUEUED, idempotency=story.KEY)])
    assert (told.conflict, told.fresh) == (False, False)
    assert abs(told.created_ms - now_ms) < 60_000, "the time of its first use, when the file was loaded"
    assert await kept.journal.first_use(7, story.KEY, now_ms) == told.created_ms
    (other,) = await kept.journal.accept([story.intake(story.QUEUED, idempotency=story.KEY[:16] + b"another!")])
    assert other.conflict


@pytest.mark.parametrize("form", since(2))
async def test_accounts_are_told_and_parts_find_each_other(kept):
    journal = kept.journal
    told = await journal.claim_notices("esme:#0", story.ALL, 10, 60, "acme-gw")
    assert {(notice.id, notice.state) for notice in told} == {
        (story.id_of(story.TOLD), State.DELIVERED),
        (story.id_of(story.HANDSET), State.RECEIVED),
    }
    bodies = {notice.id: unpack_body(notice.body) for notice in told}
    assert bodies[story.id_of(story.TOLD)].client == story._client()
    assert bodies[story.id_of(story.HANDSET)].inbound == story._inbound()
    (whole,) = await journal.gather([story.port.Part(story.PART_GROUP, story.id_of(51), 2, 2, b"the second half", story.TENANT)])
    assert (whole.id, whole.whole) == (story.id_of(41), (b"the first half", b"the second half"))
    (again,) = await journal.gather([story.port.Part(story.CLOSED_GROUP, story.id_of(52), 1, 2, b"part 1", story.TENANT)])
    assert (again.id, again.fresh) == (story.id_of(42), False)


@pytest.mark.parametrize("form", since(3))
async def test_rescue_and_feedback_go_on(kept):
    found, _ = await kept.journal.overdue(story.ALL, 10, 5.0)
    assert [message.id for message in found] == [story.id_of(story.LOOKED)]
    kind = int(EventKind.FEEDBACK)
    line = story.event(story.NOTED, EventKind.FEEDBACK, False)
    (stands,) = await kept.journal.note([Note(story.id_of(story.NOTED), story.TENANT, kind, line)])
    assert stands == story.event(story.NOTED, EventKind.FEEDBACK, True), "the first of its kind"


@pytest.mark.parametrize("form", ["journal-1-first", "journal-3-copies"])
async def test_what_was_written_before_there_were_keys_is_read_with_them(form, sealed):
    await sealed.load(form)
    (record,) = await sealed.journal.read([story.id_of(story.SENT)])
    assert unpack_body(record.body).text == f"Your code is {story.SENT}"
