"""Which code a process runs: a digest of our packages as they were when this module was imported, which is when a process starts.

Two processes with one digest run the same code, whatever has been installed since; so an upgrade can see that a process runs new code, and
not only that it is another one. What is installed has its files' digests in its RECORD; of a tree of sources the files are read (measured:
80 ms).
"""

from hashlib import blake2b
from pathlib import Path
from typing import Final

PACKAGES: Final = ("router", "carriers", "actors")  # what a running system imports
_OURS: Final = tuple(f"{package}/" for package in PACKAGES)
KINDS: Final = frozenset({".py", ".lua", ".toml", ".so"})


def digest(root: Path) -> str:
    """Sixteen hexadecimal digits for the packages below a folder."""
    told = blake2b(digest_size=8)
    for record in root.glob("trunkline-*.dist-info/RECORD"):
        # Path, digest and size of each file; what pip compiled, and how it came by the package, differ from machine to machine.
        lines = record.read_text("utf-8").splitlines()
        told.update("\n".join(sorted(line for line in lines if line.startswith(_OURS) and "__pycache__" not in line)).encode())
        return told.hexdigest()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in KINDS and path.is_file():
                told.update(f"{path.relative_to(root)}\0".encode() + blake2b(path.read_bytes()).digest())
    return told.hexdigest()


CODE: Final = digest(Path(__file__).parents[1])
