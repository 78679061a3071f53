"""Make a virtual environment on a machine that has python3 and nothing else.

Debian's python3 comes without pip and without ensurepip. Where ``python3 -m venv`` cannot bring pip along,
this fetches pip's own wheel (pure Python, pinned by hash) from the package index that pip is configured
for, and lets that wheel install itself. Standard library only.
"""

import argparse
import configparser
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import venv
from pathlib import Path

PIP_WHEEL = "pip-25.3-py3-none-any.whl"
PIP_SHA256 = "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd"
DEFAULT_INDEX = "https://pypi.org/simple"
FETCH_TIMEOUT_S = 60


def index_url() -> str:
    """The package index that pip would use: environment first, then pip's configuration files."""
    if url := os.environ.get("PIP_INDEX_URL"):
        return url
    paths = [Path("/etc/pip.conf"), Path("~/.pip/pip.conf").expanduser(), Path("~/.config/pip/pip.conf").expanduser()]
    if named := os.environ.get("PIP_CONFIG_FILE"):
        paths.append(Path(named))
    found = configparser.RawConfigParser()
    found.read(paths)
    return found.get("global", "index-url", fallback=DEFAULT_INDEX)


def fetch_pip(folder: Path) -> Path:
    """Download pip's wheel into ``folder``; raises ``SystemExit`` when the index does not offer the pinned one."""
    page_url = index_url().rstrip("/") + "/pip/"
    with urllib.request.urlopen(page_url, timeout=FETCH_TIMEOUT_S) as answer:  # noqa: S310 (the operator's index)
        page = answer.read().decode()
    links = re.findall(r'href="([^"]+)"', page)
    link = next((link for link in links if PIP_WHEEL in link), None)
    if link is None:
        raise SystemExit(f"{PIP_WHEEL} is not on the package index; install python3-venv by hand and try again")
    with urllib.request.urlopen(urllib.parse.urljoin(page_url, link), timeout=FETCH_TIMEOUT_S) as answer:  # noqa: S310
        octets = answer.read()
    if hashlib.sha256(octets).hexdigest() != PIP_SHA256:
        raise SystemExit(f"{PIP_WHEEL} from the package index has another hash than the pinned one")
    wheel = folder / PIP_WHEEL
    wheel.write_bytes(octets)
    return wheel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the virtual environment goes")
    folder = parser.parse_args().folder
    if sys.version_info < (3, 11):  # noqa: UP036 (this script is what tells the user)
        raise SystemExit("Trunkline needs Python 3.11 or newer")
    try:
        import ensurepip  # noqa: F401 (absent on a bare Debian)

        venv.create(folder, with_pip=True, clear=True)
    except (ImportError, subprocess.CalledProcessError):
        venv.create(folder, with_pip=False, clear=True)
        with tempfile.TemporaryDirectory() as scratch:
            wheel = fetch_pip(Path(scratch))
            python = folder / "bin" / "python"
            subprocess.run([python, f"{wheel}/pip", "install", "--quiet", "--no-index", str(wheel)], check=True)  # noqa: S603


if __name__ == "__main__":
    main()
