"""The tables of ``router/calling_codes.py``, made from the metadata of phonenumbers (Google's libphonenumber).

``python .ci/numbering.py`` writes the module; a unit test compares. phonenumbers itself takes 144 µs to read a number and tell
its country, and 4 MB a process; the tables made from it take about 1 µs, which is why it is asked here and not for each message.

Where several countries share a calling code, each country's patterns (regular expressions over national numbers) are followed
digit by digit, all countries at once: a prefix belongs to the country that alone has numbers which begin so.
"""

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from re import _constants as ops  # type: ignore[attr-defined]  # what a parsed expression is made of has no other name
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any, Final

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc
from phonenumbers.data import _COUNTRY_CODE_TO_REGION_CODE as REGIONS

MODULE: Final = Path(__file__).resolve().parents[1] / "router" / "calling_codes.py"
DEPTH: Final = 7  # digits, code included, that settle a country; where they do not, the code's main country has the number
NANP: Final = 1
AREA: Final = 4  # digits of +1 and an area code
LONGEST: Final = 15  # digits (ITU-T E.164, 6.2.1); the metadata has what may be dialled within a country, too
SERVICE: Final = "001"  # the region of codes that belong to no country
TYPES: Final = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("personal_number", "voip", "pager", "uan", "voicemail"),
)
# Behind +1 only what is bound to a place tells the country: 800 and the like belong to all of them.
TYPES_OF_NANP: Final = ("fixed_line", "mobile")

State = tuple[Any, ...]  # what is left of a parsed expression


def tree(expression: str) -> State:
    """A regular expression as nested tuples."""

    def plain(value: Any) -> Any:
        if isinstance(value, parser.SubPattern):
            return tuple(plain(item) for item in value)
        return tuple(plain(item) for item in value) if isinstance(value, (list, tuple)) else value

    return plain(parser.parse(expression))


def after(state: State, digit: str) -> Iterator[State]:
    """What may be left of an expression when ``digit`` has been read."""
    if not state:
        return
    (op, detail), rest = state[0], state[1:]
    if op is ops.LITERAL:
        if chr(detail) == digit:
            yield rest
    elif op is ops.IN:
        if any(_within(item, digit) for item in detail):
            yield rest
    elif op is ops.SUBPATTERN:
        yield from after((*detail[3], *rest), digit)
    elif op is ops.BRANCH:
        for arm in detail[1]:
            yield from after((*arm, *rest), digit)
    elif op is ops.MAX_REPEAT:
        least, most, inner = detail
        if most > 0:
            again = ((op, (max(least - 1, 0), most - 1, inner)),) if most > 1 else ()
            yield from after((*inner, *again, *rest), digit)
        if least == 0:
            yield from after(rest, digit)
    else:
        raise ValueError(f"an expression has {op}, which is not followed here")


def _within(item: Any, digit: str) -> bool:
    op, detail = item
    if op is ops.RANGE:
        return detail[0] <= ord(digit) <= detail[1]
    return detail == ord(digit) if op is ops.LITERAL else op is ops.CATEGORY


def possible(region: str, code: int) -> Iterable[int]:
    """How many digits the numbers of a region may have."""
    general = metadata(region, code).general_desc
    return general.possible_length if general is not None else ()


def metadata(region: str, code: int) -> PhoneMetadata:
    """What is known of a region, or of a code without one."""
    found = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if found is None:
        raise ValueError(f"no metadata of {region}")
    return found


def expressions(region: str, code: int) -> Iterator[str]:
    """The patterns of a region's numbers."""
    about = metadata(region, code)
    for kind in TYPES_OF_NANP if code == NANP else TYPES:
        described: PhoneNumberDesc | None = getattr(about, kind)
        if described is not None and described.national_number_pattern and described.national_number_pattern != "NA":
            yield described.national_number_pattern


def shared(code: int, regions: Iterable[str]) -> dict[str, str]:
    """Prefix, code included → country, for the countries that share a code; the longest prefix wins."""
    main, *_ = regions
    start = {region: {tree(one) for one in expressions(region, code)} for region in regions}
    found: dict[str, str] = {}

    def walk(prefix: str, states: dict[str, set[State]]) -> None:
        for digit in "0123456789":
            left = {
                region: set_
                for region, before in states.items()
                if (set_ := {new for old in before for new in after(old, digit)})
            }
            here = prefix + digit
            if (len(left) == 1 and (code != NANP or len(here) == AREA)) or len(here) == DEPTH:
                owner = next(iter(left), main) if main not in left else main
                if owner != main or code == NANP:
                    found[here] = owner
            elif left:
                walk(here, left)

    walk(str(code), start)
    return found if code == NANP else merged(found, main)


def merged(prefixes: dict[str, str], main: str) -> dict[str, str]:
    """Ten neighbours of one country as one prefix."""
    for length in range(DEPTH, 1, -1):
        heads = {prefix[:-1] for prefix in prefixes if len(prefix) == length}
        for head in heads:
            owners = {prefixes.get(f"{head}{digit}", main) for digit in range(10)}
            if len(owners) == 1:
                for digit in range(10):
                    del prefixes[f"{head}{digit}"]
                prefixes[head] = owners.pop()
    return prefixes


def lengths(code: int, regions: Iterable[str]) -> str:
    """How many digits follow the code: "7,9-10"."""
    room = LONGEST - len(str(code))
    found = sorted({size for region in regions for size in possible(region, code) if size <= room})
    runs: list[list[int]] = []
    for size in found:
        if runs and size == runs[-1][-1] + 1:
            runs[-1].append(size)
        else:
            runs.append([size])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def wrapped(words: Iterable[str]) -> str:
    """Words in lines as long as the style allows."""
    return textwrap.fill(" ".join(words), 125, break_on_hyphens=False)


def module() -> str:
    """The module's text."""
    assigned = []
    exceptions: dict[str, str] = {}
    areas: dict[str, list[str]] = {}
    for code, regions in sorted(REGIONS.items(), key=lambda item: str(item[0])):
        main = "-" if regions[0] == SERVICE or code == NANP else regions[0]
        assigned.append(f"{code}:{main}:{lengths(code, regions)}")
        if code == NANP:
            for prefix, country in shared(code, regions).items():
                areas.setdefault(country, []).append(prefix[1:])
        elif len(regions) > 1:
            exceptions |= shared(code, regions)
    plan = "\n".join(
        f'    "{country}": """\n{textwrap.indent(wrapped(sorted(areas[country])), "        ")}\n        """,'
        if len(areas[country]) > 20
        else f'    "{country}": "{" ".join(sorted(areas[country]))}",'
        for country in sorted(areas)
    )
    return _TEMPLATE.format(
        version=phonenumbers.__version__,
        assigned=wrapped(assigned),
        shared=wrapped(f"{prefix}:{exceptions[prefix]}" for prefix in sorted(exceptions)),
        plan=plan,
    )


_TEMPLATE: Final = '''\
"""Which country a number belongs to and how long numbers are, as data; ``router.numbers`` reads it.

Made by .ci/numbering.py from the metadata of phonenumbers {version} (libphonenumber, Apache-2.0): not to be edited by hand.
Countries are ISO 3166-1 alpha-2 (XK, AC and TA by custom).
"""

from typing import Final

# "code:COUNTRY:lengths", all codes of E.164: "-" is a service or network of no country, or +1, where area codes tell it;
# lengths are the digits that may follow the code, of all countries that share it together.
ASSIGNED: Final = """
{assigned}
"""

# Where countries share a code: what is not of the code's own country. The longest prefix wins.
SHARED: Final = """
{shared}
"""

# Area codes behind +1. Those of no territory (toll-free, personal, premium) are in none of the lists.
NANP: Final = {{
{plan}
}}
'''


if __name__ == "__main__":
    text = module()
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(text)
    else:
        MODULE.write_text(text, "utf-8")
        sys.stdout.write(f"{MODULE.name}: {len(re.findall(r'[0-9]+:', text))} entries\n")
