"""GET /v1/carriers and GET /v1/board: what an operator looks at to see how the carriers fare."""

from typing import Final

import msgspec

from router.api.http import Call, Reply, json_reply
from router.api.port import CarrierStatus
from router.api.problems import Refusal
from router.api.query import parameters
from router.brain.explore import suspicions
from router.brain.port import Board
from router.present import CLASS_WORDS
from router.routes import NOT_COVERED, Deck
from router.setting import ClassWord

NOT_HEARD: Final = "its actor has not been heard of yet"
DISABLED: Final = "disabled in the settings"


class CarrierView(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier: what is set, and how it is now. Addresses and credentials are nobody's business here."""

    name: str
    protocol: str
    enabled: bool
    classes: tuple[ClassWord, ...]
    bound: int
    sessions: int
    receivers: int
    speed_mps: float
    contracted_mps: int
    window_used: int
    window: int
    throttled: int
    breaker: str
    reason: str
    suggestion: str  # what its profile should say otherwise, such as how ids in receipts would match; "": nothing


class CarrierList(msgspec.Struct, frozen=True):
    """All carriers, by name."""

    data: list[CarrierView]


class CellView(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of one carrier towards one network, for one class."""

    carrier: str
    network: str  # MCC-MNC, a country, or * for networks never seen
    klass: ClassWord = msgspec.field(name="class")
    success: float
    wait_s: float
    weight: float
    spread: float
    price_micros: int | None


class BreakerView(msgspec.Struct, frozen=True, kw_only=True):
    """One carrier on the board."""

    carrier: str
    breaker: str
    reason: str
    suspect: bool
    submitted: int
    delivered: int
    undelivered: int
    pending: float
    trust: float  # what its receipts are worth, by codes that were used; success is weighed by it already
    unheard: str  # where its receipts are lost and codes that were used speak for it: "*" everywhere; "": nowhere
    suspect_in: list[str]  # where its receipts have fallen off: networks, countries (MCC), "*" everywhere
    shadow_micros_per_s: int  # micros a second that one more segment a second of its speed would have saved of late
    bound: int
    speed_mps: float
    window_used: int
    window: int


class BoardView(msgspec.Struct, frozen=True, kw_only=True):
    """The scoreboard now; version 0 before the first."""

    version: int
    at_s: float
    age_s: float | None  # a scoreboard is renewed every half second, every five when nothing happens; null: there is none
    currency: str  # of all that is in micros
    carriers: list[BreakerView]
    cells: list[CellView]
    counters: dict[str, int]
    brains: dict[str, float]  # where several learn: how many seconds old is what each of them knows, by its name


async def carriers(call: Call) -> Reply:
    """Handle GET /v1/carriers."""
    live = {status.name: status for status in await call.front.carriers()}
    shown = []
    for profile in sorted(call.front.terms.settings.carriers, key=lambda profile: profile.name):
        now = live.get(profile.name) or CarrierStatus(profile.name, reason=NOT_HEARD)
        shown.append(
            CarrierView(
                name=profile.name,
                protocol=profile.protocol,
                enabled=profile.enabled,
                classes=profile.classes,
                bound=now.bound,
                sessions=now.sessions or profile.sessions,
                receivers=now.receivers,
                speed_mps=now.speed_mps,
                contracted_mps=now.contracted_mps or profile.speed_mps,
                window_used=now.window_used,
                window=now.window,
                throttled=now.throttled,
                breaker=now.breaker,
                reason=now.reason if profile.enabled else DISABLED,
                suggestion=now.suggestion,
            )
        )
    return json_reply(200, CarrierList(shown))


async def board(call: Call) -> Reply:
    """Handle GET /v1/board?carrier=&network=."""
    asked = parameters(call.scope["query_string"], {"carrier": str, "network": str})
    newest = call.front.board()
    if newest is None:
        return json_reply(200, _view(call, None, [], []))
    carrier, network = asked.get("carrier"), asked.get("network")
    if carrier is not None and carrier not in newest.carriers:
        raise Refusal("not_found", "There is no such carrier on the board.")
    live = {status.name: status for status in await call.front.carriers()}
    fallen = suspicions(newest.probes, newest.carriers)
    rows = []
    for name, seen in sorted(newest.carriers.items()):
        if carrier in {None, name}:
            now = live.get(name) or CarrierStatus(name)
            rows.append(
                BreakerView(
                    carrier=name,
                    breaker=seen.breaker,
                    reason=seen.reason,
                    suspect=seen.suspect,
                    submitted=seen.submitted,
                    delivered=seen.delivered,
                    undelivered=seen.undelivered,
                    pending=seen.pending,
                    trust=seen.trust,
                    unheard=seen.unheard,
                    suspect_in=fallen.get(name, []),
                    shadow_micros_per_s=now.shadow_micros_per_s,
                    bound=now.bound,
                    speed_mps=now.speed_mps,
                    window_used=now.window_used,
                    window=now.window,
                )
            )
    cells = []
    deck = call.front.terms.deck
    for place, pair in sorted(newest.cells.places.items()):
        name, to = place.split("|")
        if carrier not in {None, name} or network not in {None, to}:
            continue
        for klass, cell in newest.cells.of_pair(pair):
            cells.append(
                CellView(
                    carrier=name,
                    network=to,
                    klass=CLASS_WORDS[klass],
                    success=cell.p,
                    wait_s=cell.wait_s,
                    weight=cell.weight,
                    spread=cell.sd,
                    price_micros=_price(deck, name, to),
                )
            )
    return json_reply(200, _view(call, newest, rows, cells))


def _view(call: Call, newest: Board | None, rows: list[BreakerView], cells: list[CellView]) -> BoardView:
    return BoardView(
        version=newest.version if newest else 0,
        at_s=newest.at_s if newest else 0.0,
        age_s=max(0.0, round(call.now_ms / 1000 - newest.at_s, 1)) if newest else None,
        currency=call.front.terms.settings.currency,
        carriers=rows,
        cells=cells,
        counters=newest.counters if newest else {},
        brains={name: max(0.0, round(call.now_ms / 1000 - told_s, 1)) for name, told_s in newest.parts.items()} if newest else {},
    )


def _price(deck: Deck, carrier: str, network: str) -> int | None:
    """The price of a segment where the network alone settles it; null where it depends on country or prefix."""
    place = deck.index.get(carrier)
    if place is None or network == "*":
        return None
    price = int(deck.prices(network, network if network.isalpha() else "", "")[place])
    return None if price == NOT_COVERED else price
