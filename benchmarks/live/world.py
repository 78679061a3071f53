"""A small world that both can be: four simulated SMSCs with temperaments, and the twin's tables of the same figures."""

from typing import Final, NamedTuple

import numpy as np

from router.settings import CarrierProfile, Network, Price
from sims.smsc.temperament import Temperament
from sims.twin.scenarios import Change, Scenario
from sims.twin.values import CLASSES
from sims.twin.world import World

SYSTEM_ID: Final = "trunkline"
PASSWORD: Final = "live"  # noqa: S105 (of a simulator on the loopback interface)
WINDOW: Final = 100
SPEED_MPS: Final = 200  # contracted, each: room is never short
FAULT_FROM: Final = 0.4  # shares of the run
FAULT_TO: Final = 0.65


class Market(NamedTuple):
    """A network: its number, its country, and the prefix of its subscribers."""

    network: str
    country: str
    prefix: str
    digits: int


class Carrier(NamedTuple):
    """What a carrier truly does, everywhere alike; ``prices`` in micros by market."""

    name: str
    p: float
    median_s: float
    sigma: float
    answer_s: float
    prices: tuple[int, ...]


MARKETS: Final = (
    Market("26201", "DE", "49151", 8),
    Market("23410", "GB", "447400", 6),
    Market("20801", "FR", "33612", 6),
    Market("21401", "ES", "34600", 6),
)
# No two are nearly equal anywhere: where they are, luck alone decides who is used, and a run tells little.
CARRIERS: Final = (
    Carrier("direct", 0.97, 1.2, 0.5, 0.02, (22_000, 24_000, 29_000, 24_000)),
    Carrier("value", 0.93, 3.0, 0.6, 0.04, (24_000, 24_000, 18_000, 24_000)),
    Carrier("premium", 0.985, 0.9, 0.4, 0.01, (40_000, 40_000, 40_000, 40_000)),
    Carrier("bulk", 0.85, 6.0, 0.8, 0.08, (20_000, 20_000, 20_000, 20_000)),
)
VICTIM: Final = "direct"  # whom the twin casts as the best


class Story(NamedTuple):
    """A fault in the words of either side."""

    twin: Scenario
    smsc: dict[str, object]  # fields of the victim's temperament while it lasts


def _scenario(name: str, says: str, *changes: tuple[str, float]) -> Scenario:
    return Scenario(name, says, tuple(Change(FAULT_FROM, FAULT_TO, what, value) for what, value in changes), sheds=True)  # type: ignore[arg-type]  # words of ``What``


STORIES: Final = {
    "blackhole": Story(
        _scenario("blackhole", "the best carrier accepts, delivers nothing and sends no receipts", ("p", 0.0), ("receipts", 0.0)),
        {"black_hole": True},
    ),
    "brownout": Story(
        _scenario("brownout", "the best carrier's latency is ten times as long", ("latency", 10.0)),
        {"receipt_median_s": 10.0 * next(carrier.median_s for carrier in CARRIERS if carrier.name == VICTIM)},
    ),
}


def temperament(carrier: Carrier) -> Temperament:
    """The carrier as a simulated SMSC: a receipt for each message, whatever became of it, as the twin's ``tells`` of 1."""
    return Temperament(
        answer_median_s=carrier.answer_s, delivered=carrier.p, receipt_median_s=carrier.median_s, receipt_sigma=carrier.sigma
    )


def profile(carrier: Carrier, address: str) -> CarrierProfile:
    """The carrier as an operator sets it up."""
    return CarrierProfile(
        name=carrier.name,
        addresses=(address,),
        system_id=SYSTEM_ID,
        password=PASSWORD,
        window=WINDOW,
        speed_mps=SPEED_MPS,
        covers=tuple(f"net:{market.network}" for market in MARKETS),
        prices=tuple(
            Price(to=f"net:{market.network}", micros=micros) for market, micros in zip(MARKETS, carrier.prices, strict=True)
        ),
    )


def networks() -> tuple[Network, ...]:
    """Whose numbers are whose."""
    return tuple(Network(prefix=market.prefix, mcc_mnc=market.network) for market in MARKETS)


def destinations() -> str:
    """As the load generator is told: all markets alike."""
    return ",".join(f"{market.prefix}:{market.digits}" for market in MARKETS)


def twin_world() -> World:
    """The same as tables."""
    shape = (len(CARRIERS), len(MARKETS))

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([float(getattr(carrier, name)) for carrier in CARRIERS])

    return World(
        carriers=tuple(carrier.name for carrier in CARRIERS),
        kinds=tuple(carrier.name for carrier in CARRIERS),
        networks=tuple(market.network for market in MARKETS),
        countries=tuple(market.country for market in MARKETS),
        country=np.arange(len(MARKETS)),
        covers=np.ones(shape, dtype=bool),
        price=np.array([carrier.prices for carrier in CARRIERS], dtype=np.int64),
        p=np.broadcast_to(column("p")[:, None, None], (*shape, CLASSES)).copy(),
        median_s=np.broadcast_to(column("median_s")[:, None], shape).copy(),
        sigma=column("sigma"),
        receipts=np.ones(len(CARRIERS)),
        tells=np.ones(len(CARRIERS)),
        speed_mps=np.full(len(CARRIERS), float(SPEED_MPS)),
        answer_s=column("answer_s"),
        share=np.full(len(MARKETS), 1.0 / len(MARKETS)),
    )
