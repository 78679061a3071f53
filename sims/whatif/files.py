"""Files of records: CSV, and Parquet where pyarrow is installed. A row a first attempt, written and read a group of rows at a time.

The columns are the fields of ``router.first_attempts.FirstAttempt``, in their order; ``considered`` and ``excluded`` are JSON texts. Each
row tells its ``version``. In CSV an empty field is none, and booleans are ``true`` and ``false``.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType, TracebackType
from typing import Any, Final, NamedTuple, Protocol, Self

import msgspec

from router.first_attempts import VERSION, FirstAttempt

GROUP_ROWS: Final = 10_000  # rows of a group: some 8 MB, written and forgotten
PARQUET: Final = ".parquet"
CSV: Final = ".csv"
_JSON: Final = frozenset({"considered", "excluded"})
_NO_VALUE: Final = "none"


class FileFault(Exception):
    """The file cannot be read or written; the sentence names file, row and column."""


class Column(NamedTuple):
    """One column. ``kind``: int, float, bool or str; ``optional``: a row may have none."""

    name: str
    kind: type
    optional: bool = False


def _columns() -> tuple[Column, ...]:
    kinds: dict[str, Column] = {}
    for one in msgspec.structs.fields(FirstAttempt):
        name = one.encode_name
        kind = one.type if one.type in {int, bool, str} else float if name == "seconds" else str
        kinds[name] = Column(name, kind, optional=name == "seconds")
    return tuple(kinds.values())


COLUMNS: Final = _columns()
NAMES: Final = tuple(column.name for column in COLUMNS)
Row = Mapping[str, Any]


class Writer(Protocol):
    """A file being written. Closed as a context manager."""

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows, as ``flat`` makes them."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as the API tells it (JSON), as a row."""
    return {
        name: msgspec.json.encode(record[name]).decode() if name in _JSON else record.get(name)
        for name in NAMES
        if name in record
    }


def writer(path: Path) -> Writer:
    """A file of the kind that its name ends in; raises ``FileFault``."""
    if path.suffix == PARQUET:
        return _ParquetWriter(path)
    if path.suffix == CSV:
        return _CsvWriter(path)
    raise FileFault(f"{path}: a file of records ends in {CSV} or {PARQUET}")


class _CsvWriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise FileFault(f"{path} cannot be written: {error.strerror}") from error
        self._lines = csv.writer(self._file, lineterminator="\n")
        self._lines.writerow(NAMES)

    def write(self, rows: Sequence[Row]) -> None:
        try:
            self._lines.writerows([_text(row.get(name)) for name in NAMES] for row in rows)
        except OSError as error:
            raise FileFault(f"{self._path} cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


class _ParquetWriter:
    def __init__(self, path: Path) -> None:
        self._arrow, parquet = arrow()
        kinds = {int: self._arrow.int64(), float: self._arrow.float64(), bool: self._arrow.bool_(), str: self._arrow.string()}
        fields = [self._arrow.field(column.name, kinds[column.kind], nullable=column.optional) for column in COLUMNS]
        self._schema = self._arrow.schema(fields, metadata={"records_version": str(VERSION)})
        try:
            self._file = parquet.ParquetWriter(path, self._schema, compression="zstd")
        except OSError as error:
            raise FileFault(f"{path} cannot be written: {error.strerror or error}") from error

    def write(self, rows: Sequence[Row]) -> None:
        self._file.write_table(self._arrow.Table.from_pylist(list(rows), schema=self._schema))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def read(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """Number (from 1) and values, in the order of ``COLUMNS``, of each row; raises ``FileFault``."""
    if path.suffix == PARQUET:
        yield from _read_parquet(path)
    elif path.suffix == CSV:
        yield from _read_csv(path)
    else:
        raise FileFault(f"{path}: a file of records ends in {CSV} or {PARQUET}")


def _read_csv(path: Path) -> Iterator[tuple[int, list[Any]]]:
    csv.field_size_limit(1 << 20)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            heads = next(lines, [])
            places = _places(path, heads)
            for number, line in enumerate(lines, 1):
                if len(line) != len(heads):
                    raise FileFault(f"{path}, row {number}: {len(line)} fields, where the first line names {len(heads)}")
                yield number, [_parsed(path, number, column, line[place]) for column, place in zip(COLUMNS, places, strict=True)]
    except OSError as error:
        raise FileFault(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFault(f"{path} is no CSV of UTF-8: {error}") from error


def _places(path: Path, heads: Sequence[str]) -> list[int]:
    missing = [name for name in NAMES if name not in heads]
    if missing:
        raise FileFault(f"{path} has no column {missing[0]!r}: it is not a file of `trunkline export`")
    return [list(heads).index(name) for name in NAMES]


_BOOLS: Final[Mapping[str, bool]] = MappingProxyType({"true": True, "false": False})
_WORDS: Final[Mapping[type, str]] = MappingProxyType(
    {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
)
_READERS: Final[Mapping[type, Callable[[str], Any]]] = MappingProxyType(
    {int: int, float: float, bool: _BOOLS.__getitem__, str: str}
)


def _parsed(path: Path, row: int, column: Column, text: str) -> Any:
    if not text and column.optional:
        return None
    try:
        return _READERS[column.kind](text)
    except (ValueError, KeyError):
        raise FileFault(fault(path, row, column.name, f"expected {_WORDS[column.kind]}, not {text[:40]!r}")) from None


def _read_parquet(path: Path) -> Iterator[tuple[int, list[Any]]]:
    made, parquet = arrow()
    try:
        with parquet.ParquetFile(path) as file:
            _places(path, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(batch_size=GROUP_ROWS, columns=list(NAMES)):
                columns = [batch.column(name).to_pylist() for name in NAMES]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield number, [_checked(path, number, column, value) for column, value in zip(COLUMNS, values, strict=True)]
    except OSError as error:
        raise FileFault(f"{path} cannot be read: {error.strerror or error}") from error
    except made.ArrowException as error:
        raise FileFault(f"{path} is no Parquet: {error}") from error


def _checked(path: Path, row: int, column: Column, value: Any) -> Any:
    if value is None and column.optional:
        return None
    kind = column.kind
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise FileFault(fault(path, row, column.name, f"expected {_WORDS[kind]}, not {_NO_VALUE if value is None else value!r}"))
    return value


def fault(path: Path, row: int, column: str, sentence: str) -> str:
    """What is wrong with one value."""
    return f"{path}, row {row}, column {column}: {sentence}"


def arrow() -> tuple[ModuleType, ModuleType]:
    """The modules pyarrow and pyarrow.parquet; raises ``FileFault`` where it is not installed."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise FileFault("Parquet needs pyarrow: pip install 'trunkline[parquet]'; CSV needs nothing") from error
    return pa, parquet
