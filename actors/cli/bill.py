"""A bill of materials (CycloneDX 1.6) of what the lock file installs: from the lock's own lines and the metadata of what is installed."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

SPEC: Final = "1.6"
ROOT: Final = "trunkline"
LICENCE_LIMIT: Final = 120  # characters; a longer field is the whole text of a licence, not its name

_PIN: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_CLASSIFIER: Final = "License :: OSI Approved :: "


class Unreadable(ValueError):
    """The lock file has a line that cannot be understood; the words name it."""


class Pin(NamedTuple):
    """One package of the lock."""

    name: str  # canonical
    version: str
    marker: str  # where it is installed; "": everywhere
    hashes: tuple[str, ...]  # SHA-256 of each of its files

    @property
    def purl(self) -> str:
        """Its package URL."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(text: str) -> list[Pin]:
    """The packages of a lock file as pip and uv write it, with hashes; raises ``Unreadable``."""
    pins: list[Pin] = []
    hashes: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].strip()
        if not words:
            continue
        if found := _HASH.search(words):
            hashes.append(found.group(1))
        elif found := _PIN.match(words):
            pins.append(Pin(canonicalize_name(found.group(1)), found.group(2), found.group(3) or "", ()))
            hashes = []
        else:
            raise Unreadable(f"line {number} is neither a pinned package nor a hash")
        if not pins:
            raise Unreadable(f"line {number} is a hash of nothing")
        pins[-1] = pins[-1]._replace(hashes=tuple(hashes))
    bare = [pin.name for pin in pins if not pin.hashes]
    if bare:
        raise Unreadable(f"{', '.join(bare)} has no hash")
    return pins


def needed(known: Mapping[str, Distribution], root: str = ROOT) -> dict[str, set[str]]:
    """Who needs whom, beginning with ``root`` and without its extras: canonical names, as far as metadata tells."""
    edges: dict[str, set[str]] = {}
    todo: list[tuple[str, frozenset[str]]] = [(root, frozenset())]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        mine = edges.setdefault(name, set())
        for requirement in _requirements(known.get(name)):
            if _wanted(requirement, extras):
                other = canonicalize_name(requirement.name)
                mine.add(other)
                todo.append((other, frozenset(requirement.extras)))
    return edges


def _requirements(found: Distribution | None) -> Iterable[Requirement]:
    for text in (found.requires if found is not None else None) or ():
        try:
            yield Requirement(text)
        except InvalidRequirement:
            continue


def _wanted(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""}))


def installed(names: Iterable[str]) -> dict[str, Distribution]:
    """The metadata of those that are installed here."""
    found = {}
    for name in names:
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
    return found


def licences_of(found: Distribution | None) -> list[dict[str, Any]]:
    """A component's ``licenses``: an expression where its metadata has one, else names; empty where nothing is told."""
    if found is None:
        return []
    told = found.metadata
    if "License-Expression" in told:
        return [{"expression": told["License-Expression"]}]
    names = [one.removeprefix(_CLASSIFIER) for one in told.get_all("Classifier") or () if one.startswith(_CLASSIFIER)]
    free = told["License"].strip() if "License" in told else ""
    if not names and free and len(free) <= LICENCE_LIMIT and "\n" not in free:
        names = [free]
    return [{"license": {"name": name}} for name in names]


def bill(
    pins: list[Pin], known: Mapping[str, Distribution], *, version: str, made_at: str, digest: str, licence: str = "Apache-2.0"
) -> dict[str, Any]:
    """The whole document. ``digest``: of the lock file, from which its serial number is made: the same lock, the same number."""
    edges = needed(known)
    root = f"pkg:pypi/{ROOT}@{version}"
    refs: dict[str, list[str]] = {ROOT: [root]}
    for pin in pins:  # a lock for several releases of Python may have a package in several versions
        refs.setdefault(pin.name, []).append(pin.purl)
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'{root}#{digest}')}",
        "version": 1,
        "metadata": {
            "timestamp": made_at,
            "tools": {"components": [{"type": "application", "name": f"{ROOT} sbom", "version": version}]},
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": ROOT,
                "version": version,
                "purl": root,
                "licenses": [{"expression": licence}],
            },
            "properties": [{"name": f"{ROOT}:lock:sha256", "value": digest}],
        },
        "components": [_component(pin, known.get(pin.name), required=pin.name in edges) for pin in pins],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(other for one in edges.get(name, ()) for other in refs.get(one, ()))}
            for name in sorted(refs)
            for ref in refs[name]
        ],
    }


def _component(pin: Pin, found: Distribution | None, *, required: bool) -> dict[str, Any]:
    """``scope`` is ``excluded`` for what only tests and builds need, or extras."""
    shown: dict[str, Any] = {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "scope": "required" if required else "excluded",
        "purl": pin.purl,
        "hashes": [{"alg": "SHA-256", "content": one} for one in pin.hashes],
    }
    if licences := licences_of(found):
        shown["licenses"] = licences
    if pin.marker:
        shown["properties"] = [{"name": f"{ROOT}:marker", "value": pin.marker}]
    return shown
