"""Whether a document has the shape of ``Settings``, and if not, which key is wrong and why, in a user's words.

msgspec checks; its messages name a path, hide dictionaries' keys, and speak of types. They are put into sentences here.
"""

import difflib
import re
from collections.abc import Iterable
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import structs

from router.setting import Setting
from router.settings import Settings

Path = tuple[str | int, ...]

HIDDEN: Final = frozenset({"password", "secrets", "sha256", "url", "headers"})  # keys whose values no error message repeats

# How a user is told of a value's type: msgspec's word → ours
_TYPES: Final = MappingProxyType(
    {
        "int": "a whole number",
        "float": "a number",
        "str": "a text",
        "bool": "true or false",
        "array": "a list",
        "object": "a table",
        "null": "nothing",
        "datetime": "a time",
        "date": "a date",
        "time": "a time of day",
    }
)
# What each pattern of router.settings means to a user
PATTERN_WORDS: Final = MappingProxyType(
    {
        r"^[a-z0-9][a-z0-9_-]{0,31}$": "must be 1 to 32 small letters, digits, - or _, beginning with a letter or digit",
        r"^(\*|[1-9][0-9]{0,14}|[A-Z]{2}|net:[0-9]{5,6})$": 'must be "*", the first digits of numbers, a country such as "GB", or '
        'a network such as "net:23410"',
        r"^(https?://[^\s]+|)$": "must begin with https:// or http://",
        r"^[A-Z]{2}$": "must be the two capital letters of a country, such as GB",
        r"^(https?://|$)": "must begin with https:// (or http://, to a host of webhooks.allow_hosts)",
        r"^[A-Za-z0-9]{8}$": "must be 8 letters and digits",
        r"^[0-9a-f]{64}$": "must be a SHA-256 in 64 small hexadecimal digits",
        r"^[1-9][0-9]{0,14}$": "must be 1 to 15 digits that do not begin with 0",
        r"^[0-9]{5,6}$": "must be the 5 or 6 digits of a country code and a network code",
        r"^[A-Z]{3}$": "must be three capital letters",
        r"^[!-~]{1,15}$": "must be 1 to 15 characters of ASCII without blanks",
        r"^scrypt\$[0-9]+\$[0-9]+\$[0-9]+\$[0-9a-f]+\$[0-9a-f]+$": "must be what `trunkline accounts create` prints, not the password",
        r"^(\*|[0-9]{1,15}\*?|[A-Za-z][A-Za-z0-9 ]{0,10})$": 'must be a number or short code in digits, the first digits and "*", '
        'up to 11 letters and digits, or "*"',
        r"^[^\s]{0,32}$": "must be one word of at most 32 characters",
        r"^[^\s*][^*]{0,20}\*?$": 'must be a sender, or the beginning of senders and "*"',
        r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00|)$": 'must be a time of day such as "08:30"',
        r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$": 'must be a time zone such as "Europe/Berlin"',
    }
)


class ConfigError(ValueError):
    """The configuration cannot be used. ``problems`` has one sentence each: which file, line and key, and what is wrong."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Problem(NamedTuple):
    """A key and what is wrong with it: the end of a sentence that begins with the key."""

    path: Path
    wrong: str


def dotted(path: Path) -> str:
    """A path as users write it: ``carriers[0].prices[2].to``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "the file"


def shape_problem(document: Any) -> Problem | None:
    """The first thing in a document (as TOML or msgpack gives it) that does not fit ``Settings``; None: all fits."""
    try:
        msgspec.convert(document, Settings)
    except msgspec.ValidationError as error:
        return _explain(document, str(error))
    return None


def _explain(document: Any, message: str) -> Problem:
    what, _, where = message.partition(" - at ")
    keys_of = re.fullmatch(r"`key` in `(.*)`", where)
    path = _path(document, keys_of[1] if keys_of else where.strip("`"), message)
    if keys_of:
        (word,) = re.findall(r"'(.*)'", what) or [""]
        kind = get_args(_kind_at(path))[0]
        return Problem((*path, word), f"is not known here{near(word, _choices(kind))}")
    if found := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        known = [field.encode_name for field in structs.fields(_kind_at(path))]
        return Problem((*path, found[1]), f"is not known{near(found[1], known)}")
    if found := re.fullmatch(r"Object missing required field `(.*)`", what):
        return Problem((*path, found[1]), "is missing")
    return Problem(path, _wrong(what, path, _value_at(document, path)))


def _wrong(what: str, path: Path, value: Any) -> str:
    shown = "" if HIDDEN.intersection(map(str, path)) else f", not {value!r}"
    if found := re.fullmatch(r"Expected `(.*)`, got `(.*)`", what):
        wanted = " or ".join(_TYPES.get(word, word) for word in found[1].split(" | ") if word != "null")
        return f"must be {wanted}, not {_TYPES.get(found[2], found[2])}"
    if found := re.fullmatch(r"Expected `(?:int|float)` (>=|<=) (.*)", what):
        return f"must be at {'least' if found[1] == '>=' else 'most'} {found[2].removesuffix('.0')}{shown}"
    if found := re.fullmatch(r"Expected `(str|array)` of length (>=|<=) (\d+)", what):
        bound = f"at {'least' if found[2] == '>=' else 'most'} {found[3]}"
        return (
            f"must be {bound} characters long"
            if found[1] == "str"
            else f"must have {bound} {'entry' if found[3] == '1' else 'entries'}"
        )
    if what.startswith("Expected `str` matching regex "):
        pattern = get_pattern(_kind_at(path))
        return PATTERN_WORDS.get(pattern, f"must match {pattern}") + shown
    if what.startswith("Invalid enum value"):
        choices = _choices(_kind_at(path))
        return f"must be one of {', '.join(choices)}{shown}{near(str(value), choices)}"
    return what


def near(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that asks whether a known word was meant; "" when none is close."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _path(document: Any, where: str, message: str) -> Path:
    """``$.carriers[0].statuses[...]`` as steps. msgspec hides a dictionary's key as ``...``: it is the one that fails alone."""
    path: Path = ()
    for name, index in re.findall(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]", where):
        if name:
            path = (*path, name)
        elif index != "...":
            path = (*path, int(index))
        else:
            path = (*path, _failing_key(document, path, message))
    return path


def _failing_key(document: Any, path: Path, message: str) -> str:
    table = _value_at(document, path)
    for key in table:
        try:
            msgspec.convert(_with_value(document, path, {key: table[key]}), Settings)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return str(key)
    return "…"


def _value_at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def _with_value(document: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    changed: Any = list(document) if isinstance(document, (list, tuple)) else dict(document)
    changed[path[0]] = _with_value(document[path[0]], path[1:], value)
    return changed


def _kind_at(path: Path) -> Any:
    kind: Any = Settings
    for step in path:
        kind = inside(kind, step)
    return plain(kind)


def plain(kind: Any) -> Any:
    """A type without ``| None`` and, where nothing but a type is left, without annotations that say nothing of its inside."""
    if get_origin(kind) in {Union, UnionType}:
        return plain(next(arm for arm in get_args(kind) if arm is not type(None)))
    if hasattr(kind, "__metadata__") and get_origin(get_args(kind)[0]) is not None:
        return plain(get_args(kind)[0])
    return kind


@cache
def _field_types(kind: type[Setting]) -> dict[str | int, Any]:
    """A structure's types by the name in the file; kept, because msgspec evaluates the annotations anew each time (measured: 100 µs)."""
    return {field.encode_name: field.type for field in structs.fields(kind)}


def inside(kind: Any, step: str | int) -> Any:
    """The type of what stands at ``step`` of a struct, a tuple or a dictionary; None: nothing is known to stand there."""
    kind = plain(kind)
    if isinstance(kind, type) and issubclass(kind, Setting):
        return _field_types(kind).get(step)
    return get_args(kind)[1 if get_origin(kind) is dict else 0]


def get_pattern(kind: Any) -> str:
    """The regular expression that annotates a type; "" when there is none."""
    return next((meta.pattern for meta in getattr(kind, "__metadata__", ()) if meta.pattern), "")


def _choices(kind: Any) -> list[str]:
    return [str(word) for word in get_args(kind)] if get_origin(kind) is Literal else []
