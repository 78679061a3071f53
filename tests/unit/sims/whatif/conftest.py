"""Small logs as rows of a file."""

import msgspec
import numpy as np
import pytest

from router.first_attempts import FirstAttempt
from router.ids import make_id, to_text
from router.model import MessageClass
from router.settings import Settings
from sims.whatif.files import COLUMNS, flat, writer
from sims.whatif.log import read_log

RULES = {klass: Settings().rules(klass) for klass in MessageClass}
AT_MS = 1_768_469_400_000
CLASSES = ("otp", "transactional", "marketing")
OPTIONS = {"alpha": (30_000, 0.97, 2.0), "beta": (20_000, 0.90, 4.0), "gamma": (12_000, 0.70, 9.0)}


def record(number, carrier="alpha", **more):
    """One record; two in ten thousand go wrong, and alpha is best."""
    klass = more.pop("klass", CLASSES[number % 3])
    considered = [(name, price, p, wait, 0, price, 0.02, 100) for name, (price, p, wait) in OPTIONS.items()]
    fields = {
        "id": to_text(make_id(AT_MS + number, 0, number.to_bytes(10, "big"))),
        "tenant": "shop",
        "klass": klass,
        "country": "GB",
        "network": "23410" if number % 2 else "23415",
        "segments": 1,
        "currency": "EUR",
        "due_ms": AT_MS + 100 * number,
        "at_ms": AT_MS + 100 * number,
        "seen_ms": AT_MS + 10**9,
        "policy": "balanced",
        "rule": "",
        "board": 7,
        "carrier": carrier,
        "explored": False,
        "reason": "",
        "considered": considered,
        "excluded": {"delta": 'breaker open: "refused", twice'},
        "price_micros": OPTIONS[carrier][0],
        "outcome": "delivered",
        "seconds": 2.5,
        "attempts": 1,
        "status": "delivered",
    }
    return FirstAttempt(**fields | more)


def mixed(count, seed=1, **more):
    """Records of a log that chose among all three, with outcomes by chance."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        carrier = str(rng.choice(list(OPTIONS), p=(0.5, 0.3, 0.2)))
        good = rng.random() < OPTIONS[carrier][1]
        outcome = {"outcome": "delivered", "seconds": 2.5} if good else {"outcome": "undelivered", "seconds": 1.0}
        found.append(
            record(number, carrier, explored=carrier != "alpha", reason="" if carrier == "alpha" else "unused", **outcome | more)
        )
    return found


def rows(records):
    """As the API tells them, then as rows."""
    return [flat(msgspec.to_builtins(one)) for one in records]


@pytest.fixture
def kept(tmp_path):
    """Write records to a file; returns its path."""

    def write(records, name="records.csv"):
        with writer(tmp_path / name) as file:
            file.write(rows(records))
        return tmp_path / name

    return write


@pytest.fixture
def read(kept):
    """Records to a log."""
    return lambda records: read_log([kept(records)], RULES)


@pytest.fixture
def make():
    """What makes records, and what they are made of."""

    class Make:
        one = staticmethod(record)
        many = staticmethod(mixed)
        flat = staticmethod(rows)
        rules = RULES
        columns = COLUMNS

    return Make
