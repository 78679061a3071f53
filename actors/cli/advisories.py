"""Known vulnerabilities of locked packages, from advisories in the OSV format (https://ossf.github.io/osv-schema) that somebody brought along."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from actors.cli.bill import Pin

ECOSYSTEM: Final = "PyPI"


class Finding(NamedTuple):
    """An advisory that concerns a locked package."""

    id: str
    aliases: tuple[str, ...]
    pin: Pin
    summary: str
    fixed: tuple[str, ...]  # versions that have it no more, as far as it is told


def read_advisories(path: Path) -> Iterator[Mapping[str, Any]]:
    """All advisories of a file (one object, a list, ``{"vulns": []}`` or one a line) or of a folder's ``.json`` files.

    Raises ``OSError`` and ``ValueError``.
    """
    if path.is_dir():
        for one in sorted(path.rglob("*.json")):
            yield from read_advisories(one)
        return
    text = path.read_text("utf-8")
    try:
        values = [json.loads(text)]
    except ValueError:
        values = [json.loads(line) for line in text.splitlines() if line.strip()]
    for value in values:
        yield from _advisories(value)


def _advisories(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _advisories(one)
    elif isinstance(value, dict) and isinstance(value.get("vulns"), list):
        yield from _advisories(value["vulns"])
    elif isinstance(value, dict) and "id" in value:
        yield value
    else:
        raise ValueError("it holds something that is no advisory")


def audit(pins: Sequence[Pin], advisories: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """What is known against these packages, by id; withdrawn advisories are passed over."""
    by_name: dict[str, list[Pin]] = {}
    for pin in pins:
        by_name.setdefault(pin.name, []).append(pin)
    found: dict[tuple[str, str], Finding] = {}
    for one in advisories:
        if one.get("withdrawn"):
            continue
        for affected in one.get("affected") or ():
            package = affected.get("package") or {}
            if package.get("ecosystem") != ECOSYSTEM:
                continue
            for pin in by_name.get(canonicalize_name(str(package.get("name", ""))), ()):
                if _concerns(affected, pin.version):
                    aliases = tuple(str(alias) for alias in one.get("aliases") or ())
                    finding = Finding(str(one["id"]), aliases, pin, str(one.get("summary", "")), tuple(_fixes(affected)))
                    found.setdefault((finding.id, pin.purl), finding)
    return sorted(found.values(), key=lambda finding: (finding.pin.purl, finding.id))


def _concerns(affected: Mapping[str, Any], version: str) -> bool:
    if any(_same(str(one), version) for one in affected.get("versions") or ()):
        return True
    return any(_within(one, version) for one in affected.get("ranges") or () if one.get("type") in {"ECOSYSTEM", "SEMVER"})


def _same(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def _within(span: Mapping[str, Any], version: str) -> bool:
    """Whether a version lies in one of a range's spans: events sorted by version, as the format's evaluation has it."""
    events = []
    for event in span.get("events") or ():
        for kind, text in event.items():
            if kind in {"introduced", "fixed", "last_affected"}:
                try:
                    events.append((Version("0.dev0" if text == "0" else str(text)), kind))
                except InvalidVersion:
                    return True  # who cannot tell must not say that all is well
    mine, inside = Version(version), False
    for at, kind in sorted(events):
        if kind == "introduced" and mine >= at:
            inside = True
        elif (kind == "fixed" and mine >= at) or (kind == "last_affected" and mine > at):
            inside = False
    return inside


def _fixes(affected: Mapping[str, Any]) -> Iterator[str]:
    for span in affected.get("ranges") or ():
        for event in span.get("events") or ():
            if "fixed" in event and span.get("type") != "GIT":
                yield str(event["fixed"])


def vulnerabilities(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """As a bill of materials tells them."""
    return [
        {
            "bom-ref": f"{finding.id}:{finding.pin.purl}",
            "id": finding.id,
            "source": {"name": "OSV"},
            "description": finding.summary,
            "references": [{"id": alias, "source": {"name": "OSV"}} for alias in finding.aliases],
            "affects": [{"ref": finding.pin.purl}],
            **({"recommendation": f"Fixed in {', '.join(finding.fixed)}."} if finding.fixed else {}),
        }
        for finding in findings
    ]
