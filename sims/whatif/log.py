"""Records as columns: what was considered in each case, and what became of each first attempt."""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from router.first_attempts import VERSION, Option
from router.model import CLASS_BY_WORD, MessageClass
from router.settings import ClassRules
from sims.whatif.files import NAMES, FileFault, fault, read

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FOLDS: Final = 5  # parts of the log; what is learned of one part is learned from the others
NOT_OFFERED: Final = -1  # the price of a carrier that was not considered

# Why a record says nothing of a choice.
NOT_SENT: Final = "no carrier was chosen yet"
NO_DECISION: Final = "the decision is not kept"
BESIDE: Final = "sent to a carrier that was not among those considered"
REFUSED: Final = "refused by the carrier, and sent elsewhere"
YOUNG: Final = "younger than the deadline when the records were read"
TWICE: Final = "told twice"


class Case(NamedTuple):
    """Everything that a decision was made from. Messages alike share it."""

    considered: str
    klass: MessageClass
    network: str
    country: str
    segments: int
    policy: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """N attempts, U cases, C carriers in alphabetical order. Money in micros of the whole message."""

    carriers: tuple[str, ...]
    currency: str
    cases: tuple[Case, ...]
    price: Ints  # (U, C), NOT_OFFERED where the carrier was not considered
    p: Floats  # (U, C), of a receipt in time; nan where it was not considered, as below
    wait_s: Floats  # (U, C)
    sd: Floats  # (U, C) spread of p; nan also where the release did not keep it
    total: Floats  # (U, C) cost with the shadow price, by which carriers were ranked
    speed_mps: Ints  # (C,) contracted; 0: none known
    case: Ints  # (N,)
    at_s: Floats  # (N,)
    chosen: Ints  # (N,) carrier
    explored: Bools  # (N,)
    reason: tuple[str, ...]  # (N,) why it was explored, where that is kept
    in_time: Bools  # (N,) a positive receipt within the deadline
    waited_s: Floats  # (N,) seconds until then, the deadline for all others
    fold: Ints  # (N,) of FOLDS, by the message's id
    left_out: Mapping[str, int]
    overtaken: int  # attempts without a receipt of their own beside a later attempt of their message
    young_until_s: float  # when the youngest record left out will be old enough

    def __len__(self) -> int:
        return len(self.case)

    def by_case(self, name: str) -> Ints:
        """The cases' class, network or country as numbers, in order of the words."""
        words = [getattr(case, name) for case in self.cases]
        number = {word: place for place, word in enumerate(sorted(set(words)))}
        return np.array([number[word] for word in words], dtype=np.int64)

    @property
    def klass(self) -> Ints:
        """(U,) class number."""
        return np.array([int(case.klass) for case in self.cases], dtype=np.int64)


class _Reading:
    """Collects rows."""

    def __init__(self, rules: Mapping[MessageClass, ClassRules]) -> None:
        self._path = Path()
        self._taken: set[int] = set()  # hashes of ids: half the memory
        self._young: set[int] = set()
        self._deadline_s = {klass: rules[klass].deadline_s for klass in MessageClass}
        self._options: dict[str, list[Option]] = {}
        self.speeds: dict[str, int] = {}
        self.cases: dict[Case, int] = {}
        self.rows: list[tuple[int, float, str, bool, str, bool, float, int]] = []
        self.left_out: Counter[str] = Counter()
        self.currencies: set[str] = set()
        self.overtaken = 0
        self.young_until_s = 0.0

    def take(self, path: Path, number: int, values: Sequence[Any]) -> None:
        """One row; raises ``FileFault``."""
        self._path = path
        row = dict(zip(NAMES, values, strict=True))
        self._check(number, row)
        name = hash(row["id"])
        if name in self._taken:
            self.left_out[TWICE] += 1
            return
        klass, carrier, at_s = CLASS_BY_WORD[row["class"]], row["carrier"], row["at_ms"] / 1000.0
        if not row["at_ms"]:
            self.left_out[NOT_SENT] += 1
            return
        options = self._read_options(number, row["considered"])
        if not options:
            self.left_out[NO_DECISION] += 1
            return
        if row["outcome"] == "refused":
            self.left_out[REFUSED] += 1
            return
        deadline_s = self._deadline_s[klass]
        if row["seen_ms"] / 1000.0 < at_s + deadline_s:  # by age alone: to keep those that ended already would favour the quick
            self._young.add(name)
            self.young_until_s = max(self.young_until_s, at_s + deadline_s)
            return
        if all(option[0] != carrier for option in options):
            self.left_out[BESIDE] += 1
            return
        seconds = row["seconds"]
        self._taken.add(name)
        self.overtaken += row["attempts"] > 1 and seconds is None
        self._young.discard(name)  # an older file had it before its time
        self.currencies.add(row["currency"])
        key = Case(row["considered"], klass, row["network"], row["country"], row["segments"], row["policy"], row["rule"])
        in_time = row["outcome"] == "delivered" and seconds is not None and seconds <= deadline_s
        fold = zlib.crc32(row["id"].encode()) % FOLDS
        self.rows.append(
            (
                self.cases.setdefault(key, len(self.cases)),
                at_s,
                carrier,
                row["explored"],
                row["reason"],
                in_time,
                seconds if in_time else deadline_s,
                fold,
            )
        )

    def _check(self, number: int, row: Mapping[str, Any]) -> None:
        if row["version"] != VERSION:
            raise FileFault(fault(self._path, number, "version", f"{row['version']} is not {VERSION}, which this release reads"))
        if row["class"] not in CLASS_BY_WORD:
            raise FileFault(fault(self._path, number, "class", f"{row['class']!r} is not one of {', '.join(CLASS_BY_WORD)}"))
        if row["segments"] < 1:
            raise FileFault(fault(self._path, number, "segments", f"{row['segments']} is less than 1"))
        if row["seconds"] is not None and not row["seconds"] >= 0.0:
            raise FileFault(fault(self._path, number, "seconds", f"{row['seconds']} is less than 0"))
        if row["outcome"] not in {"delivered", "undelivered", "refused", "unconfirmed", "pending"}:
            raise FileFault(fault(self._path, number, "outcome", f"{row['outcome']!r} is none that there is"))

    def _read_options(self, number: int, text: str) -> list[Option]:
        found = self._options.get(text)
        if found is None:
            try:
                found = self._options[text] = msgspec.json.decode(text, type=list[Option])
            except msgspec.DecodeError as error:
                raise FileFault(fault(self._path, number, "considered", str(error))) from None
            self.speeds.update((option[0], option[7]) for option in found)
        return found

    def log(self) -> Log:
        """The columns."""
        if len(self.currencies) > 1:
            raise FileFault(f"the records have amounts of {' and '.join(sorted(self.currencies))}, which cannot be added up")
        carriers = tuple(sorted(self.speeds))
        index = {name: place for place, name in enumerate(carriers)}
        shape = len(self.cases), len(carriers)
        price = np.full(shape, NOT_OFFERED, dtype=np.int64)
        p, wait_s, sd, total = (np.full(shape, np.nan) for _ in range(4))
        for number, case in enumerate(self.cases):
            for name, micros, chance, seconds, _, cost, spread, _ in self._options[case.considered]:
                place = number, index[name]
                price[place], p[place], wait_s[place], total[place] = micros, chance, seconds, cost
                sd[place] = np.nan if spread is None else spread
        columns = list(zip(*self.rows, strict=True)) or [() for _ in range(8)]
        return Log(
            carriers=carriers,
            currency=next(iter(self.currencies), ""),
            cases=tuple(self.cases),
            price=price,
            p=p,
            wait_s=wait_s,
            sd=sd,
            total=total,
            speed_mps=np.array([self.speeds[name] for name in carriers], dtype=np.int64),
            case=np.array(columns[0], dtype=np.int64),
            at_s=np.array(columns[1], dtype=np.float64),
            chosen=np.array([index[name] for name in columns[2]], dtype=np.int64),
            explored=np.array(columns[3], dtype=bool),
            reason=tuple(columns[4]),
            in_time=np.array(columns[5], dtype=bool),
            waited_s=np.array(columns[6], dtype=np.float64),
            fold=np.array(columns[7], dtype=np.int64),
            left_out=dict(self.left_out) | ({YOUNG: len(self._young)} if self._young else {}),
            overtaken=self.overtaken,
            young_until_s=self.young_until_s,
        )


def read_log(paths: Iterable[Path], rules: Mapping[MessageClass, ClassRules]) -> Log:
    """The log of some files; raises ``FileFault``. A message that several tell of counts once."""
    reading = _Reading(rules)
    for path in paths:
        for number, values in read(path):
            reading.take(path, number, values)
    return reading.log()
