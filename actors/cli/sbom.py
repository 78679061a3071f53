"""``trunkline sbom``: what is in the box, and what is known against it."""

import hashlib
import os
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from actors.cli.advisories import Finding, audit, read_advisories, vulnerabilities
from actors.cli.bill import ROOT, Pin, Unreadable, bill, installed, read_lock
from actors.cli.terminal import FAILED, MISUSED, clean, counted, errors, fail, say


def sbom(
    lock: Annotated[Path, typer.Option(help="The lock file.")] = Path("requirements.lock"),
    out: Annotated[Path | None, typer.Option(help="Write it there; by default to standard output.")] = None,
    advisories: Annotated[
        Path | None, typer.Option(help="Advisories in the OSV format, a file or a folder, to hold the lock file against.")
    ] = None,
) -> None:
    """Write a bill of materials of the lock file (CycloneDX 1.6, JSON). With --advisories, exit code 1 when something is known."""
    try:
        octets = lock.read_bytes()
        pins = read_lock(octets.decode())
    except (OSError, UnicodeDecodeError, Unreadable) as error:
        fail(f"{lock} cannot be read: {getattr(error, 'strerror', None) or error}", MISUSED)
    known = installed([ROOT, *(pin.name for pin in pins)])
    document = bill(pins, known, version=_version(), made_at=_now(), digest=hashlib.sha256(octets).hexdigest())
    findings = [] if advisories is None else _audit(pins, advisories)
    if findings:
        document["vulnerabilities"] = vulnerabilities(findings)
    text = msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"
    if out is None:
        say(text.rstrip("\n"))
    else:
        out.write_text(text, "utf-8")
    errors.print(_verdict(pins, advisories, findings), markup=False, soft_wrap=True)
    if findings:
        raise typer.Exit(FAILED)


def _audit(pins: list[Pin], path: Path) -> list[Finding]:
    try:
        return audit(pins, read_advisories(path))
    except (OSError, ValueError) as error:
        fail(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}", MISUSED)


def _verdict(pins: list[Pin], advisories: Path | None, findings: list[Finding]) -> str:
    packages = counted(len(pins), "package")
    if advisories is None:
        return f"{packages}; held against nothing: no database of advisories was given (--advisories)"
    lines = [f"{packages}, {counted(len(findings), 'advisory') if len(findings) == 1 else f'{len(findings)} advisories'}"]
    for one in findings:
        names = " ".join([one.id, *one.aliases])
        fixed = f", fixed in {', '.join(one.fixed)}" if one.fixed else ""
        lines.append(clean(f"{one.pin.name} {one.pin.version}: {names}{fixed}: {one.summary}"))
    return "\n".join(lines)


def _version() -> str:
    try:
        return version(ROOT)
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0"


def _now() -> str:
    """Now, or SOURCE_DATE_EPOCH for builds that are to be the same each time."""
    at_s = int(os.environ.get("SOURCE_DATE_EPOCH", "") or time.time())
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")
