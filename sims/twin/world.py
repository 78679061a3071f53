"""The world of carriers and networks, drawn from a seed: what each carrier truly does where, what it costs and how much it takes.

Three natures: *direct* connections reach few countries, quickly and dearly; *aggregators* reach most and are in the middle of everything;
*grey* routes are cheap, slow, lossy, filtered, and lose receipts as well.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from router.model import MessageClass
from sims.twin.values import CLASSES, Bools, Floats, Ints

COUNTRIES: Final = (
    ("234", "GB"),
    ("262", "DE"),
    ("208", "FR"),
    ("214", "ES"),
    ("222", "IT"),
    ("260", "PL"),
    ("204", "NL"),
    ("240", "SE"),
)
NETWORKS_EACH: Final = 3
MIX: Final = (0.40, 0.35, 0.25)  # otp, transactional, marketing
REPORTING: Final = 0.3  # share of otp whose tenants report conversions
CONVERSION: Final = 0.75  # share of delivered codes that are used
CONVERSION_MEDIAN_S: Final = 12.0  # after delivery: a human reads and types
CONVERSION_SIGMA: Final = 0.6

Range = tuple[float, float]


class Nature(NamedTuple):
    """What carriers of one kind are drawn from, uniformly."""

    kind: str
    many: int
    p: Range  # delivered at all
    median_s: Range  # of the latency
    sigma: Range  # of its logarithm
    price: Range  # of the network's usual price
    receipts: Range  # share of receipts that arrive
    tells: Range  # share of undelivered messages that get a negative receipt
    marketing: Range  # share of marketing that is not filtered
    coverage: Range  # share of countries
    speed_mps: Range
    answer_s: Range  # submit to its answer


NATURES: Final = (
    Nature(
        kind="direct",
        many=4,
        p=(0.965, 0.99),
        median_s=(1.5, 3.0),
        sigma=(0.4, 0.6),
        price=(1.0, 1.12),
        receipts=(0.99, 1.0),
        tells=(0.8, 0.95),
        marketing=(0.97, 1.0),
        coverage=(0.35, 0.65),
        speed_mps=(40, 60),
        answer_s=(0.02, 0.06),
    ),
    Nature(
        kind="aggregator",
        many=5,
        p=(0.90, 0.965),
        median_s=(2.5, 6.0),
        sigma=(0.5, 0.8),
        price=(0.80, 1.0),
        receipts=(0.97, 0.99),
        tells=(0.5, 0.8),
        marketing=(0.9, 0.99),
        coverage=(0.8, 1.0),
        speed_mps=(40, 70),
        answer_s=(0.04, 0.12),
    ),
    Nature(
        kind="grey",
        many=3,
        p=(0.78, 0.90),
        median_s=(3.5, 8.0),
        sigma=(0.7, 1.0),
        price=(0.50, 0.75),
        receipts=(0.85, 0.95),
        tells=(0.1, 0.4),
        marketing=(0.6, 0.85),
        coverage=(0.7, 1.0),
        speed_mps=(40, 70),
        answer_s=(0.08, 0.25),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """C carriers, N networks. Nothing in it changes: what changes is in ``conditions``."""

    carriers: tuple[str, ...]
    kinds: tuple[str, ...]
    networks: tuple[str, ...]  # MCC-MNC digits
    countries: tuple[str, ...]  # ISO code by network
    country: Ints  # (N,) number of the country
    covers: Bools  # (C, N)
    price: Ints  # (C, N) micros a message
    p: Floats  # (C, N, classes) delivered at all
    median_s: Floats  # (C, N)
    sigma: Floats  # (C,)
    receipts: Floats  # (C,)
    tells: Floats  # (C,)
    speed_mps: Floats  # (C,)
    answer_s: Floats  # (C,)
    share: Floats  # (N,) of the traffic


def make_world(seed: int) -> World:
    """The world of a seed."""
    rng = np.random.default_rng([seed, 1])
    natures = [nature for nature in NATURES for _ in range(nature.many)]
    carriers, countries = len(natures), len(COUNTRIES)
    country = np.repeat(np.arange(countries), NETWORKS_EACH)
    networks = len(country)

    def drawn(name: str) -> Floats:
        return np.array([rng.uniform(*getattr(nature, name)) for nature in natures])

    by_country = rng.uniform(15_000, 45_000, countries)[country] * rng.uniform(0.85, 1.15, networks)
    price = by_country * drawn("price")[:, None] * rng.uniform(0.92, 1.08, (carriers, networks))
    # On the logit scale, so that no network is better than certain: hard networks are hard for everybody.
    odds = _logit(drawn("p"))[:, None] - np.abs(rng.normal(0.0, 0.25, networks)) + rng.normal(0.0, 0.3, (carriers, networks))
    p = np.repeat((1.0 / (1.0 + np.exp(-odds)))[:, :, None], CLASSES, axis=2)
    p[:, :, MessageClass.MARKETING] *= drawn("marketing")[:, None]
    median_s = drawn("median_s")[:, None] * rng.uniform(0.75, 1.4, networks) * np.exp(rng.normal(0.0, 0.2, (carriers, networks)))
    share = rng.dirichlet(np.full(networks, 3.0))
    numbers: dict[str, int] = {}
    names = []
    for nature in natures:
        numbers[nature.kind] = numbers.get(nature.kind, 0) + 1
        names.append(f"{nature.kind}-{numbers[nature.kind]}")
    return World(
        carriers=tuple(names),
        kinds=tuple(nature.kind for nature in natures),
        networks=tuple(f"{COUNTRIES[place][0]}{1 + number % NETWORKS_EACH:02d}" for number, place in enumerate(country.tolist())),
        countries=tuple(COUNTRIES[place][1] for place in country.tolist()),
        country=country,
        covers=_coverage(natures, countries, rng)[:, country],
        price=np.round(price).astype(np.int64),
        p=p,
        median_s=median_s,
        sigma=drawn("sigma"),
        receipts=drawn("receipts"),
        tells=drawn("tells"),
        speed_mps=np.round(drawn("speed_mps")),
        answer_s=drawn("answer_s"),
        share=share,
    )


def _logit(p: Floats) -> Floats:
    odds: Floats = np.log(p / (1.0 - p))
    return odds


def _coverage(natures: list[Nature], countries: int, rng: np.random.Generator) -> Bools:
    """(C, countries); the first aggregator goes everywhere, so that no message is without a way."""
    covers = np.zeros((len(natures), countries), dtype=bool)
    for place, nature in enumerate(natures):
        size = max(1, round(rng.uniform(*nature.coverage) * countries))
        covers[place, rng.permutation(countries)[:size]] = True
    covers[[nature.kind for nature in natures].index("aggregator")] = True
    return covers
