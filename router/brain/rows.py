"""The rows of a plan that say why: which carriers were considered, at what price, chance, wait and cost, and why others were not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from router.brain.ages import Bools, Ints
from router.brain.policies import DEFAULT, Policy
from router.brain.port import Board
from router.brain.score import CLOSED, OPEN, Kind, Sheet
from router.routes import NOT_COVERED, Deck

CONSIDERED: Final = 8  # carriers in a row: what an operator can take in, and what the journal should hold
EXCLUDED: Final = 16
NO_COVER: Final = "no cover"
NO_BOARD: Final = "there was no scoreboard: the cheapest carrier whose breaker is closed was taken"


class Entry(NamedTuple):
    """A kind as it was appraised for this plan."""

    kind: Kind
    sheet: Sheet
    place: int


class Decisions(Sequence[Mapping[str, Any]]):
    """The rows of a plan, made when somebody looks: of most plans in a simulation nobody does, and elsewhere messages leave first."""

    def __init__(
        self,
        kinds: Sequence[Kind],
        deck: Deck,
        board: Board | None,
        status: Sequence[int],
        shadow: Sequence[float],
        room: Sequence[int] | None,
        policies: Mapping[str, Policy],
        others: Mapping[int, set[int]],
    ) -> None:
        """``room``: what there was at the start, by carrier; None: enough for anybody. ``others``: who else than the best was chosen, by kind."""
        # Kinds are appraised again with the next board; the sheets stay as they are.
        self._kinds, self._sheets, self._places = kinds, [kind.sheet for kind in kinds], [kind.place for kind in kinds]
        self._deck, self._board, self._status = deck, board, status
        self._shadow, self._room, self._policies, self._others = shadow, room, policies, others
        self._rows: list[dict[str, Any]] | None = None

    def __len__(self) -> int:
        return len(self._kinds)

    @overload
    def __getitem__(self, place: int) -> Mapping[str, Any]: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Mapping[str, Any]]: ...

    def __getitem__(self, place: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        return self._made()[place]

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._made())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._made() == list(other)

    __hash__ = None  # type: ignore[assignment]  # as of any sequence of dictionaries

    def __repr__(self) -> str:
        return repr(self._made())

    def _made(self) -> list[dict[str, Any]]:
        if self._rows is None:
            found = zip(self._kinds, self._sheets, self._places, strict=True)
            entries = [Entry(kind, sheet, place) for kind, sheet, place in found if sheet is not None]
            if self._room is not None or any(self._shadow):
                self._rows = self._new(entries)
            else:
                # Without prices and full carriers a kind's row is the same for as long as its board.
                fresh = [entry for entry in entries if entry.place not in entry.sheet.rows]
                for entry, row in zip(fresh, self._new(fresh), strict=True):
                    entry.sheet.rows[entry.place] = row
                self._rows = [entry.sheet.rows[entry.place] for entry in entries]
            for number, places in self._others.items():
                shown = {name for name, *_ in self._rows[number]["considered"]}
                missing = [place for place in sorted(places) if self._deck.names[place] not in shown]
                if missing:
                    beside = [self._figures(entries[number], place) for place in missing]
                    self._rows[number] = {**self._rows[number], "beside": beside}
        return self._rows

    def _figures(self, entry: Entry, place: int) -> list[Any]:
        """What a row would say of a carrier, had it been considered."""
        kind, sheet, row = entry
        price, p, wait_s, cost, sd = (
            float(table[row, place]) for table in (sheet.whole, sheet.p, sheet.wait_s, sheet.cost, sheet.sd)
        )
        due = round(cost + self._shadow[place] * kind.segments)
        name, shadow = self._deck.names[place], round(self._shadow[place])
        return [name, int(price), round(p, 4), round(wait_s, 2), shadow, due, round(sd, 4)]

    def _new(self, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        return rows(entries, self._deck, self._board, self._status, self._shadow, self._room, self._policies)


def rows(
    entries: Sequence[Entry],
    deck: Deck,
    board: Board | None,
    status: Sequence[int],
    shadow: Sequence[float],
    room: Sequence[int] | None,
    policies: Mapping[str, Policy],
) -> list[dict[str, Any]]:
    """Plain values, best first, as ``Plan`` describes it. All kinds at once, for what they have in common is looked up once."""
    if not entries:
        return []
    names, sheets = deck.names, _sheets(entries)
    segments = np.array([entry.kind.segments for entry in entries])[:, None]
    cost = _table(sheets, "cost")
    best, counts = _table(sheets, "ranked"), np.array([entry.sheet.counts[entry.place] for entry in entries])
    paid = np.asarray(shadow) * segments
    full: Bools | None = None
    if room is not None or paid.any():
        able = np.isfinite(unit := _table(sheets, "unit"))
        if room is not None:
            full = able & (np.array(room) < segments)
            able &= ~full
        best = np.argsort(np.where(able, unit * segments + paid, np.inf), axis=1, kind="stable")
        counts = able.sum(axis=1)
    best = best[:, :CONSIDERED]
    price, p, wait_s, sd, due = (
        np.take_along_axis(table, best, axis=1)
        for table in (*(_table(sheets, name) for name in ("whole", "p", "wait_s", "sd")), cost + paid)
    )
    named, rounded = np.array(names, dtype=object)[best], np.rint(np.asarray(shadow)).astype(np.int64)[best]
    columns = (named, price, np.round(p, 4), np.round(wait_s, 2), rounded, np.rint(due).astype(np.int64), np.round(sd, 4))
    touched = frozenset() if full is None else frozenset(np.flatnonzero(full.any(axis=1)).tolist())
    found = []
    for k, (entry, count, *figures) in enumerate(
        zip(entries, np.minimum(counts, CONSIDERED).tolist(), *(column.tolist() for column in columns), strict=True)
    ):
        considered = list(map(list, zip(*figures, strict=True)))
        del considered[count:]
        excluded = _excluded(entry, deck, board, status)
        if k in touched and full is not None:
            reasons = {**_reasons(entry, deck, board, status), **dict.fromkeys(np.flatnonzero(full[k]).tolist(), "no room")}
            excluded = _named(reasons, names)
        found.append(_row(entry.kind, considered, excluded, board, policies))
    return found


def _sheets(entries: Sequence[Entry]) -> list[tuple[Sheet, Ints, Ints]]:
    """The sheets of the entries, each with whose place among the entries, and on the sheet, that is."""
    found: dict[int, tuple[Sheet, list[int], list[int]]] = {}
    for position, (_, sheet, place) in enumerate(entries):
        known = found.get(id(sheet))
        if known is None:
            known = found[id(sheet)] = (sheet, [], [])
        known[1].append(position)
        known[2].append(place)
    # Arrays, once: numpy would turn a list into one again for each of a sheet's columns, a tenth of a dispatcher's time.
    return [(sheet, np.array(positions, np.int64), np.array(places, np.int64)) for sheet, positions, places in found.values()]


def _table(sheets: Sequence[tuple[Sheet, Ints, Ints]], name: str) -> NDArray[Any]:
    """A column of the sheets: (entries, carriers)."""
    if len(sheets) == 1:
        sheet, _, places = sheets[0]
        alone: NDArray[Any] = getattr(sheet, name).take(places, axis=0)
        return alone
    found = np.concatenate([getattr(sheet, name).take(places, axis=0) for sheet, _, places in sheets])
    result = np.empty_like(found)
    result[np.concatenate([positions for _, positions, _ in sheets])] = found
    return result


def _row(
    kind: Kind, considered: list[list[Any]], excluded: dict[str, str], board: Board | None, policies: Mapping[str, Policy]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "board": 0 if board is None else board.version,
        "network": kind.network,
        "class": kind.word,
        "considered": considered,
        "excluded": excluded,
        "policy": kind.policy_word or DEFAULT,
    }
    if kind.ruling.rules:
        row["rule"] = kind.ruling.text
    notes = [NO_BOARD] if board is None else [board.note] if board.note else []
    if kind.policy_word and kind.policy_word not in policies:
        notes.append(f"the policy {kind.policy_word} is not known (any more): {DEFAULT} was used")
    if notes:
        row["note"] = "; ".join(notes)
    return row


def _named(reasons: Mapping[int, str], names: Sequence[str]) -> dict[str, str]:
    """What an operator can change comes first; of a hundred carriers that do not go there, a few are enough."""
    if not reasons:
        return {}
    kept = sorted(reasons, key=lambda place: (reasons[place] == NO_COVER, place))[:EXCLUDED]
    return {names[place]: reasons[place] for place in kept}


def _excluded(entry: Entry, deck: Deck, board: Board | None, status: Sequence[int]) -> dict[str, str]:
    """Those that are no candidates, whatever the room; found once for a kind."""
    known = entry.sheet.excluded
    found = known.get(entry.place)
    if found is None:
        # With all breakers closed only the deck, the rules and those tried bar the way, and they are the kind's own.
        found = None if any(status) else entry.kind.excluded
        if found is None:
            found = _named(_reasons(entry, deck, board, status), deck.names)
        known[entry.place] = found
        if not any(status):
            entry.kind.excluded = found
    return found


def _reasons(entry: Entry, deck: Deck, board: Board | None, status: Sequence[int]) -> dict[int, str]:
    """Why each carrier that is not a candidate is none."""
    kind, reasons = entry.kind, dict[int, str]()
    views = {} if board is None else board.carriers
    for place in sorted(set(range(len(deck.names))).difference(entry.sheet.order(entry.place))):
        name = deck.names[place]
        if not deck.enabled[place]:
            reasons[place] = "disabled"
        elif kind.prices[place] == NOT_COVERED:
            reasons[place] = NO_COVER
        elif not deck.serves[kind.klass, place]:
            reasons[place] = f"does not take {kind.word}"
        elif rule := kind.ruling.bars(name, int(kind.prices[place])):
            reasons[place] = f"rule {rule}"
        elif status[place] != CLOSED:
            view = views.get(name)
            word = "breaker open" if status[place] == OPEN else "breaker half-open"
            reasons[place] = f"{word}: {view.reason}" if view is not None and view.reason else word
        else:
            reasons[place] = "tried"
    return reasons
