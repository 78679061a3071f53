"""What a run under strain was like, from the notes of those outside: the load's record, the simulators' diaries, and the looks."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from actors.cli.chaos.evidence import read_diary, read_ends, read_load
from actors.journal import RedisJournal
from benchmarks.strain.looks import Look
from benchmarks.world import World
from router.ids import created_ms, from_text, to_text
from router.model import CLASS_BY_WORD, MessageClass
from router.record import EventKind, unpack_events
from sims.invariants import Accepted, History, Memory, Submit

READ_AT_ONCE: Final = 1_000
SLACK_US: Final = 2_000_000  # processes wait for their turn on a busy machine
JUST_NOW_US: Final = 1_500_000  # what was refused so shortly before a look belongs to it


class PushBack(NamedTuple):
    """A message that was answered 429 or 503."""

    at_us: int
    status: int
    klass: MessageClass
    retry_after_s: float | None  # None: the answer did not say


class Notes(NamedTuple):
    """What one load was told."""

    accepted: list[Accepted]
    marks: dict[int, str]  # mark in the text → id
    pushed_back: list[PushBack]


def read_notes(record: Path) -> Notes:
    """A load's record. Its requests had no keys."""
    accepted, marks = read_load(record)
    return Notes([fact._replace(key="") for fact in accepted], marks, list(_push_backs(record)))


def _push_backs(record: Path) -> Iterator[PushBack]:
    with record.open(encoding="ascii") as lines:
        for line in lines:
            match line.split():
                case [_, at_us, status, word, after]:
                    yield PushBack(int(at_us), int(status), CLASS_BY_WORD[word], None if after == "-" else float(after))
                case _:
                    pass  # accepted, or cut


def delays_us(accepted: Sequence[Accepted], submits: Sequence[Submit]) -> dict[MessageClass, list[int]]:
    """By class the microseconds from the front's taking a message to its first octets at a carrier; ids know the former to a millisecond."""
    first: dict[str, int] = {}
    for submit in submits:
        first[submit.id] = min(submit.at_us, first.get(submit.id, submit.at_us))
    found: dict[MessageClass, list[int]] = defaultdict(list)
    for fact in accepted:
        if fact.id in first:
            found[fact.klass].append(max(0, first[fact.id] - created_ms(from_text(fact.id)) * 1_000))
    return found


async def planned_us(url: str, accepted: Sequence[Accepted]) -> dict[str, int]:
    """When each message was first given to a carrier by a dispatcher's plan; those that have not been, or whose history is gone, are left out."""
    journal = RedisJournal.connect(url)
    found: dict[str, int] = {}
    try:
        for start in range(0, len(accepted), READ_AT_ONCE):
            some = [from_text(fact.id) for fact in accepted[start : start + READ_AT_ONCE]]
            for record in await journal.read(some):
                times = (event[0] for event in unpack_events(record.events) if event[1] == EventKind.ASSIGNED) if record else ()
                if record and (first_ms := min(times, default=0)):
                    found[to_text(record.id)] = first_ms * 1_000
        return found
    finally:
        await journal.close()


def memory(looks: Sequence[Look], pushed_back: Sequence[PushBack]) -> list[Memory]:
    """The looks, each with the classes that were being refused."""
    found = []
    refusals = sorted(pushed_back)
    begin = end = 0
    under_way: Counter[MessageClass] = Counter()
    for look in looks:
        while end < len(refusals) and refusals[end].at_us <= look.at_us:
            under_way[refusals[end].klass] += 1
            end += 1
        while begin < end and refusals[begin].at_us <= look.at_us - JUST_NOW_US:
            under_way[refusals[begin].klass] -= 1
            begin += 1
        shed = frozenset(klass for klass, count in under_way.items() if count > 0)
        found.append(Memory(look.at_us, look.used, look.limit, shed, look.finished, look.live))
    return found


class Gathered(NamedTuple):
    """A run, and what the journal's checker found wrong in it."""

    history: History
    faults: Sequence[str]


def gather(world: World, idle: Notes, strained: Notes, looks: Sequence[Look], *, whole: bool) -> Gathered:
    """All that was seen. ``whole``: nothing is under way any more, so that what became of each message can be asked as well."""
    accepted = idle.accepted + strained.accepted
    marks = idle.marks | strained.marks
    carried = [read_diary(world.diary(name), name, marks) for name in world.simulators]
    submits = sorted(submit for one in carried for submit in one.submits)
    asked = list(dict.fromkeys(fact.id for fact in accepted)) if whole else []
    ended, conservation = asyncio.run(read_ends(world.state.journal_url, asked, {}))
    history = History(
        accepted=accepted,
        submits=submits if whole else None,
        answers=[answer for one in carried for answer in one.answers] if whole else None,
        receipts=[receipt for one in carried for receipt in one.receipts] if whole else None,
        ended=ended if whole else None,
        faults=[],
        conservation=conservation if whole else None,  # of what moves, only what stands wrong is to be believed
        memory=memory(looks, strained.pushed_back),
        otp_idle_us=delays_us(idle.accepted, submits)[MessageClass.OTP],
        otp_loaded_us=delays_us(strained.accepted, submits)[MessageClass.OTP],
        slack_us=SLACK_US,
    )
    return Gathered(history, conservation.faults)
