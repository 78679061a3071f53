"""The rows of a plan that say why: which carriers were considered, at what price, chance, wait and cost, and why others were not."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from router.brain.ages import Bools
from router.brain.policies import DEFAULT, Policy
from router.brain.port import Board
from router.brain.score import CLOSED, OPEN, Kind
from router.routes import NOT_COVERED, Deck

CONSIDERED: Final = 8  # carriers in a row: what an operator can take in, and what the journal should hold
EXCLUDED: Final = 16
NO_COVER: Final = "no cover"
NO_BOARD: Final = "there was no scoreboard: the cheapest carrier whose breaker is closed was taken"


def rows(
    kinds: Sequence[Kind],
    deck: Deck,
    board: Board | None,
    status: Sequence[int],
    shadow: Sequence[float],
    room: Sequence[int] | None,
    policies: Mapping[str, Policy],
) -> list[dict[str, Any]]:
    """Plain values, best first, as ``Plan`` describes it.

    ``room``: what there was at the start, by carrier; None: enough for anybody. All kinds at once, for what they have in common is looked up once.
    """
    if not kinds:
        return []
    names = deck.names
    places = len(names)
    unit = np.concatenate([kind.unit for kind in kinds]).reshape(-1, places)
    facts = np.concatenate([kind.facts for kind in kinds], axis=1)
    segments = np.array([kind.segments for kind in kinds])[:, None]
    full: Bools = np.zeros(unit.shape, dtype=bool)
    if room is not None:
        np.logical_and(np.isfinite(unit), np.array(room) < segments, out=full)
    paid = np.asarray(shadow) * segments
    total = np.where(full, np.inf, unit * segments + paid)
    best = np.argsort(total, axis=1, kind="stable")[:, :CONSIDERED]
    counts = np.minimum(np.isfinite(total).sum(axis=1), CONSIDERED).tolist()
    price, p, wait_s, cost, sd = (np.take_along_axis(column, best, axis=1) for column in facts)
    due = np.rint(np.take_along_axis(np.broadcast_to(paid, unit.shape), best, axis=1) + cost).astype(np.int64)
    named, rounded = np.array(names, dtype=object)[best], np.rint(np.asarray(shadow)).astype(np.int64)[best]
    columns = [column.tolist() for column in (named, price.astype(np.int64), p, wait_s, rounded, due, sd)]
    touched = set(np.flatnonzero(full.any(axis=1)).tolist())
    found = []
    for k, (kind, count, *entries) in enumerate(zip(kinds, counts, *columns, strict=True)):
        considered = list(map(list, zip(*entries, strict=True)))
        del considered[count:]
        excluded = _excluded(kind, deck, board, status)
        if k in touched:
            reasons = {**_reasons(kind, deck, board, status), **dict.fromkeys(np.flatnonzero(full[k]).tolist(), "no room")}
            excluded = _named(reasons, names)
        found.append(_row(kind, considered, excluded, board, policies))
    return found


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


def _excluded(kind: Kind, deck: Deck, board: Board | None, status: Sequence[int]) -> dict[str, str]:
    """Those that are no candidates, whatever the room; found once for a kind."""
    if kind.excluded is None:
        kind.excluded = _named(_reasons(kind, deck, board, status), deck.names)
    return kind.excluded


def _reasons(kind: Kind, deck: Deck, board: Board | None, status: Sequence[int]) -> dict[int, str]:
    """Why each carrier that is not a candidate is none."""
    reasons: dict[int, str] = {}
    views = {} if board is None else board.carriers
    for place in sorted(set(range(len(deck.names))).difference(kind.order)):
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
