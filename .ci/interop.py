"""Fetch Debian's packages that the interoperability tests use, and unpack them in the working tree: nothing is installed.

As any user, with the package lists that the machine has. What is installed already is not fetched. Standard library only.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = (
    "libnet-smpp-perl",  # an SMSC in Perl
    "kannel",  # a gateway as customers have it
    "tshark",  # reads what was said, and says what is malformed
)


def needed() -> list[str]:
    """The packages and everything below them that this machine lacks; raises ``CalledProcessError``."""
    plan = subprocess.run(  # noqa: S603 (constants)
        ["apt-get", "--simulate", "--quiet", "install", "--no-install-recommends", *PACKAGES],  # noqa: S607 (the system's)
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split()[1] for line in plan.stdout.splitlines() if line.startswith("Inst ")]


def fetch(folder: Path) -> None:
    """Download and unpack into ``folder``; raises ``CalledProcessError`` and ``OSError``."""
    names = needed()
    if not names:
        return
    root, done = folder / "root", folder / "unpacked.txt"
    wanted = "\n".join(names)
    if done.exists() and done.read_text("utf-8") == wanted:
        return
    debs = folder / "debs"
    for old in (debs, root):
        shutil.rmtree(old, ignore_errors=True)
        old.mkdir(parents=True)
    subprocess.run(["apt-get", "--quiet=2", "download", *names], cwd=debs, check=True)  # noqa: S603, S607 (the system's; names from it)
    for deb in sorted(debs.glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", deb, root], check=True)  # noqa: S603, S607 (as above)
    shutil.rmtree(debs)
    done.write_text(wanted, "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where packages are unpacked")
    try:
        fetch(parser.parse_args().folder)
    except (OSError, subprocess.CalledProcessError) as error:
        print((getattr(error, "stderr", None) or str(error)).strip(), file=sys.stderr)
        raise SystemExit(
            "The packages could not be fetched. `apt-get update` may be needed first; or install them on the machine: "
            + " ".join(PACKAGES)
        ) from None


if __name__ == "__main__":
    main()
