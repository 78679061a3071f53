"""What is known of a run afterwards, put together from everybody's notes: customers, carriers, webhooks, the journal, logs, metrics."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from actors.cli.chaos.done import Done
from actors.cli.chaos.victims import Customer
from actors.cli.chaos.world import CARRIERS, TENANT, World
from actors.journal import RedisJournal
from router.ids import MessageId, from_text, to_text
from router.journal.port import Conservation
from router.model import CLASS_BY_WORD, STATUS_OF
from sims.chaos.kinds import KINDS
from sims.invariants import (
    Accepted,
    Answer,
    Delivery,
    Ended,
    Fault,
    History,
    Line,
    Pace,
    Promise,
    Receipt,
    Recovery,
    Submit,
    Zombie,
)
from sims.smsc.diary import NOTHING

READ_AT_ONCE: Final = 1_000
SLACK_US: Final = 2_000_000  # processes wait for their turn on a busy machine
BURST_US: Final = 300_000  # what a link held comes out of it within so long
STALL: Final = "smpp.stall"
DELIVERED: Final = "DELIVRD"
STATE_OF_WORD: Final = {str(word): state for state, word in STATUS_OF.items() if state.final}


class Carried(NamedTuple):
    """A simulator's diary."""

    submits: list[Submit]
    answers: list[Answer]
    receipts: list[Receipt]
    numbers: set[str]
    segments: dict[str, int]  # of how many a message was, where it was more than one


def read_load(path: Path) -> tuple[list[Accepted], dict[int, str]]:
    """The load generator's record: what was accepted, and the id of each mark."""
    accepted: list[Accepted] = []
    marks: dict[int, str] = {}
    with contextlib.suppress(FileNotFoundError), path.open(encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if len(words) != 6:
                continue  # the file ends in the midst of a line
            number, at_us, message_id, word, request, place = words
            accepted.append(Accepted(int(at_us), message_id, TENANT, CLASS_BY_WORD[word], f"load-{request}", int(place)))
            marks[int(number) + 1] = message_id
    return accepted, marks


def read_diary(path: Path, carrier: str, marks: Mapping[int, str], stalls: Sequence[Fault] = ()) -> Carried:
    """A simulator's diary, its submits told by the marks in their texts. One without a known mark is named after its number.

    Of a long message one segment has the mark; the others have its destination and its reference.
    What comes out of a stalled link (``stalls``, of this carrier) left at some time since it began to: it counts as of then.
    """
    submits: dict[int, Submit] = {}
    answers: list[Answer] = []
    numbers: set[str] = set()
    numbered: dict[str, int] = {}  # message id of the carrier → submit
    receipts: list[tuple[str, int, str]] = []
    acked: dict[str, int] = {}
    whole = _long(path, marks)
    segments: dict[str, int] = {}
    for words in _lines(path):
        match words:
            case ["S", number, at_us, to, mark, reference, part, total]:
                if total == "1":
                    message = marks.get(int(mark), "") if mark != NOTHING else ""
                elif message := _nearest(whole.get((to, reference), ()), int(number)):
                    segments[message] = int(total)
                numbers.add(to)
                submits[int(number)] = Submit(
                    _left_us(int(at_us), stalls), message or f"unknown {carrier} {number}", carrier, int(number), int(part)
                )
            case ["A", number, at_us, status, message_id]:
                submit = submits[int(number)]
                taken = status == "0"
                answers.append(Answer(int(at_us), submit.id, carrier, submit.number, taken))
                if taken:
                    numbered[message_id] = submit.number
            case ["R", message_id, at_us, stat]:
                receipts.append((message_id, int(at_us), stat))
            case ["K", message_id, at_us]:
                acked.setdefault(message_id, int(at_us))
            case _:
                pass  # the end of the file, cut
    found = []
    for name, when_us, stat in receipts:
        mine = submits.get(numbered.get(name, 0))
        if mine is not None:
            told_us = acked.get(name, when_us)  # one that was put off is sent again: nobody knows it before it is acknowledged
            found.append(Receipt(told_us, mine.id, carrier, mine.number, stat == DELIVERED, name in acked, mine.segment))
    return Carried(list(submits.values()), answers, found, numbers, segments)


def _long(path: Path, marks: Mapping[int, str]) -> dict[tuple[str, str], list[tuple[int, str]]]:
    """Messages of more than one segment by destination and reference, each with the number of the submit that has its mark."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for words in _lines(path):
        match words:
            case ["S", number, _, to, mark, reference, _, total] if total != "1" and mark != NOTHING:
                found.setdefault((to, reference), []).append((int(number), marks.get(int(mark), "")))
            case _:
                pass
    return found


def _nearest(some: Sequence[tuple[int, str]], number: int) -> str:
    """The message with the nearest submit: references come again."""
    return min(some, key=lambda one: abs(one[0] - number))[1] if some else ""


def _left_us(came_us: int, stalls: Sequence[Fault]) -> int:
    """When a submit left that came then."""
    for stall in stalls:
        if stall.until_us - BURST_US <= came_us <= stall.until_us + BURST_US:
            return stall.at_us
    return came_us


def _lines(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="ascii") as lines:
        for line in lines:
            yield line.split()


async def read_ends(url: str, ids: Sequence[str], told_us: Mapping[str, int]) -> tuple[list[Ended], Conservation]:
    """Which of these messages have ended, as the journal knows it (``told_us``: when that was heard of, else now), and its checker's verdict."""
    journal = RedisJournal.connect(url)
    ended: list[Ended] = []
    try:
        wanted: list[MessageId] = [from_text(one) for one in ids]
        for start in range(0, len(wanted), READ_AT_ONCE):
            some = wanted[start : start + READ_AT_ONCE]
            for message_id, record in zip(some, await journal.read(some), strict=True):
                if record is not None and record.state.final:
                    word = to_text(message_id)
                    ended.append(Ended(told_us.get(word, time.time_ns() // 1_000), word, record.state))
        return ended, await journal.check()
    finally:
        await journal.close()


def log_lines(folder: Path, page: bytes) -> Iterator[Line]:
    """Every line of our own actors' logs, and of the metrics."""
    for file in sorted(folder.glob("worker-*")):
        with file.open(errors="replace") as lines:
            yield from (Line(file.name, line) for line in lines)
    yield from (Line("metrics", line) for line in page.decode(errors="replace").splitlines())


def gather(world: World, customer: Customer, done: Sequence[Done], load_record: Path, logs: Path, patience: float) -> History:
    """Everything; the system still runs, and nothing moves any more."""
    accepted, marks = read_load(load_record)
    accepted += customer.accepted
    marks |= customer.marks
    faults = [fault for one in done for fault in one.told(world.options.window)]
    stalls = [fault for fault in faults if fault.kind == STALL]
    carried = [
        read_diary(world.diary(name), name, marks, [stall for stall in stalls if stall.carrier == name]) for name in CARRIERS
    ]
    segments = {message: count for one in carried for message, count in one.segments.items()}
    accepted = [fact._replace(segments=segments.get(fact.id, 1)) for fact in accepted]
    deliveries = [
        Delivery(told.at_us, told.id, TENANT, told.event, STATE_OF_WORD[told.status], told.signed)
        for told in list(world.wires.receiver.told)
        if told.status in STATE_OF_WORD
    ]
    told_us: dict[str, int] = {}
    for delivery in deliveries:
        told_us.setdefault(delivery.id, delivery.at_us)
    ids = list(dict.fromkeys(fact.id for fact in accepted))
    ended, conservation = asyncio.run(read_ends(world.journal_url, ids, told_us))
    stalled_us = max((one.until_us - one.at_us for one in done if one.kind.startswith("smpp.")), default=0)
    pressed = [look for one in done for look in one.memory]
    return History(
        accepted=accepted,
        submits=sorted(submit for one in carried for submit in one.submits),
        answers=[answer for one in carried for answer in one.answers],
        receipts=[receipt for one in carried for receipt in one.receipts],
        deliveries=deliveries,
        dead=set(),
        ended=ended,
        faults=faults,
        conservation=conservation,
        memory=pressed or None,
        recoveries=[
            Recovery(
                one.at_us,
                f"{one.kind} of {one.victim}",
                None if one.back_s is None else int(one.back_s * 1e6),
                int(KINDS[one.kind].bar_s * patience * 1e6),
            )
            for one in done
            if not one.failed
        ],
        paces=[Pace(name, wire.speed.maximum, world.options.speed_mps) for name, wire in world.wires.carriers.items()],
        zombies=[Zombie(one.until_us, one.victim, one.zombie_submits) for one in done if one.kind == "zombie.carrier"] or None,
        lines=log_lines(logs, customer.get("/metrics")[1]),
        numbers=sorted({number for one in carried for number in one.numbers}),
        texts=[
            "Your code is",
            "Your parcel",
            "Reply STOP to opt out",
            "sign-in code",
            "Thank you",
            "received your documents",
            "Ваш код",
        ],
        promises={CLASS_BY_WORD[word]: Promise.of(rules) for word, rules in world.settings.classes.items()},
        slack_us=stalled_us + SLACK_US,  # a submit may lie in a stalled link,
    )


def log_folder() -> Path:
    """Where Ray keeps the logs of this cluster's actors; the caller is connected."""
    import ray

    node = ray._private.worker.global_worker.node  # noqa: SLF001 (Ray has no other way)
    if node is None:
        raise RuntimeError("not connected to Ray")
    return Path(node.get_logs_dir_path())
