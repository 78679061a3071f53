"""The checker: walks every partition and proves that each live message stands in exactly one place.

A walk takes many calls while messages move, so that whatever it suspects is looked at again, in one atomic script, before it is told.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Final

from actors.journal.base import Servers
from actors.journal.head import VERSION, read_head
from actors.journal.link import Link
from actors.journal.topology import PREFIXES
from router.ids import PARTITIONS, to_text
from router.journal.port import Conservation
from router.model import State
from router.record import UnreadableRecord

PAGE: Final = 1000
MOST_AT_ONCE: Final = 200_000  # records of a partition that one atomic count may look through: some 0.2 s of the server
MOST_FAULTS: Final = 100
ZSETS: Final = ("claimed", "due", "wait", "dead")

STATES: Final = {int(state): state for state in State}
PLACES_OF: Final = {
    State.SCHEDULED: ("due",),
    State.QUEUED: ("queue", "claimed", "due"),
    State.SENDING: ("inflight",),
    State.UNKNOWN: ("queue", "claimed", "due"),
    State.SENT: ("wait",),
}


def misplaced(state: State | None, owner: str, places: Sequence[str]) -> str:
    """What is wrong with where a message stands; "" when nothing is. ``state`` None: it cannot be read."""
    stands = [place for place in places if place != "final"]
    word = "unreadable" if state is None else state.name
    if state is not None and state.final:
        return f"is {word} and stands in {stands}" if stands else ""
    if stands == ["dead"]:
        return ""
    if len(stands) != 1 or state is None:
        return f"is {word} and stands in {stands}"
    place, _, holder = stands[0].partition(":")
    if place not in PLACES_OF[state] or (place == "inflight" and holder != owner):
        return f"is {word} and stands in {stands}"
    return ""


class Conserve(Servers):
    """See ``router.journal.port``."""

    async def check(self) -> Conservation:
        """Walk everything: counts by place and by state, ``stale`` (ids left in a line by a cancel or a receipt), and the counters."""
        counts: Counter[str] = Counter(stale=0, dead=0, accepted=0, finished=0, live=0)
        faults: list[str] = []
        for link in self._topology.links:
            mine = [p for p in range(PARTITIONS) if self._topology.home(p) is link]
            keys = await self._keys(link)
            places = [[PREFIXES[p] + name for name in ("s", "ctr", *ZSETS)] for p in mine]
            used = await link.commands(*(("EXISTS", *names) for names in places))
            for partition, some in zip(mine, used, strict=True):
                if not some and PREFIXES[partition] not in keys:
                    continue
                faults += await self._partition(link, PREFIXES[partition], keys, counts)
        return Conservation(dict(counts), faults[:MOST_FAULTS])

    @staticmethod
    async def _keys(link: Link) -> dict[str, list[str]]:
        """The lines and in-flight sets that exist, by prefix."""
        found: dict[str, list[str]] = defaultdict(list)
        for kind in ("q", "if"):
            cursor: int | bytes = 0
            while True:
                cursor, page = await link.command("SCAN", cursor, "MATCH", f"{{p??}}:{kind}:*", "COUNT", PAGE)
                for key in page:
                    name = key.decode()
                    found[name[:6]].append(name)
                if int(cursor) == 0:
                    break
        return {prefix: sorted(set(names)) for prefix, names in found.items()}

    async def _partition(self, link: Link, prefix: str, keys: dict[str, list[str]], counts: Counter[str]) -> list[str]:
        mine = keys.get(prefix, [])
        lines = [key for key in mine if key.startswith(prefix + "q:")]
        owners = [key.removeprefix(prefix + "if:") for key in mine if key.startswith(prefix + "if:")]
        places: dict[bytes, list[str]] = defaultdict(list)
        for zset in ZSETS:
            async for message_id in _zset(link, prefix + zset):
                places[message_id].append(zset)
        for owner in owners:
            async for message_id in _zset(link, f"{prefix}if:{owner}"):
                places[message_id].append(f"inflight:{owner}")
        queued: Counter[bytes] = Counter()
        for line in lines:
            async for message_id in _list(link, line):
                queued[message_id] += 1
        suspects: set[bytes] = set()
        live = 0
        async for message_id, octets in _hash(link, prefix + "s"):
            state, owner = _state(octets)
            stands = places.pop(message_id, [])
            in_line = queued.pop(message_id, 0)
            if in_line and state in {State.QUEUED, State.UNKNOWN}:
                stands += ["queue"] * in_line
            elif in_line:
                counts["stale"] += in_line
            for place in stands:
                counts[place.partition(":")[0]] += 1
            counts["unreadable" if state is None else state.name] += 1
            live += state is None or not state.final
            if misplaced(state, owner, stands):
                suspects.add(message_id)
        counts["stale"] += queued.total()
        suspects.update(message_id for message_id, stands in places.items() if stands != ["dead"])
        counts["dead"] += sum(stands == ["dead"] for stands in places.values())
        faults = await self._again(link, prefix, sorted(suspects), owners)
        return faults + await self._sums(link, prefix, lines, live, counts)

    @staticmethod
    async def _again(link: Link, prefix: str, suspects: Sequence[bytes], owners: Sequence[str]) -> list[str]:
        """The second look, atomic for each: what is still wrong."""
        faults = []
        for start in range(0, len(suspects), 100):
            some = suspects[start : start + 100]
            flat = await link.run("inspect", [prefix, some, owners])
            for message_id, octets, where in zip(some, flat[0::3], flat[2::3], strict=True):
                stands = where.decode().split()
                if octets is None:
                    wrong = f"has no record and stands in {stands}" if stands else ""
                else:
                    wrong = misplaced(*_state(octets), stands)
                if wrong:
                    faults.append(f"{prefix} {to_text(message_id)} {wrong}")
        return faults

    @staticmethod
    async def _sums(link: Link, prefix: str, lines: Sequence[str], walked: int, counts: Counter[str]) -> list[str]:
        """Rings against lines, and accepted against live and finished, at one instant."""
        accepted, finished, live, wrong = await link.run("tally", [prefix, MOST_AT_ONCE, lines])
        live = walked if live < 0 else live
        counts["accepted"] += accepted
        counts["finished"] += finished
        counts["live"] += live
        faults = [text.decode() for text in wrong]
        if accepted != live + finished:
            faults.append(f"{prefix} accepted {accepted} is not live {live} + finished {finished}")
        return faults


def _state(octets: bytes) -> tuple[State | None, str]:
    try:
        if octets[0] == VERSION and octets[1] != State.SENDING:
            return STATES[octets[1]], ""  # a million records: only who is in flight has an owner worth reading
        head = read_head(octets)
    except (UnreadableRecord, LookupError):
        return None, ""
    return head.state, head.owner


async def _hash(link: Link, key: str) -> AsyncIterator[tuple[bytes, bytes]]:
    cursor: int | bytes = 0
    seen: set[bytes] = set()
    while True:
        cursor, flat = await link.command("HSCAN", key, cursor, "COUNT", PAGE)
        pairs = flat.items() if isinstance(flat, dict) else zip(flat[0::2], flat[1::2], strict=True)
        for message_id, octets in pairs:
            if message_id not in seen:  # a scan may tell an element twice
                seen.add(message_id)
                yield message_id, octets
        if int(cursor) == 0:
            return


async def _zset(link: Link, key: str) -> AsyncIterator[bytes]:
    cursor: int | bytes = 0
    seen: set[bytes] = set()
    while True:
        cursor, flat = await link.command("ZSCAN", key, cursor, "COUNT", PAGE)
        members = [entry[0] for entry in flat] if flat and isinstance(flat[0], tuple | list) else flat[0::2]
        for message_id in members:
            if message_id not in seen:
                seen.add(message_id)
                yield message_id
        if int(cursor) == 0:
            return


async def _list(link: Link, key: str) -> AsyncIterator[bytes]:
    start = 0
    while True:
        page = await link.command("LRANGE", key, start, start + PAGE - 1)
        for message_id in page:
            yield message_id
        if len(page) < PAGE:
            return
        start += PAGE
