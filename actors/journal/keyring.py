"""The keys that texts and numbers are encrypted under, in a folder of their own: apart from the journal, its log and its backups.

``tenants.keys`` holds a data key for each tenant, wrapped (AES-256-GCM) by a master key: ``master.key`` beside it, made at the first
start, or TRUNKLINE_MASTER_KEY, 64 hexadecimal digits (several with commas while one is replaced, the newest first). Whoever has the
journal, its log or a backup of them has nothing without both. Destroying a tenant's data key makes all that was written under it
unreadable wherever a copy lies; a note of that stays, so that what is left reads as erased and not as broken.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from router.discreet import discreet

VERSION: Final = 1
FILE: Final = "tenants.keys"
MASTER_FILE: Final = "master.key"
LOCK_FILE: Final = "lock"
MASTER_VARIABLE: Final = "TRUNKLINE_MASTER_KEY"
SYSTEM: Final = ""  # whose key is for what is no tenant's yet: parts of messages from handsets
KEY_OCTETS: Final = 32
NONCE_OCTETS: Final = 12
DIGESTS: Final = "*"  # whose key digests are keyed with; it is never renewed, or replays of requests would not be known
SYSTEM_KEPT_MS: Final = 3_600_000  # what is no tenant's yet is some tenant's, or gone, within the hour
_AAD: Final = b"trunkline data key 1\0"


class KeysUnusable(Exception):
    """The keys are not there, or not ours; the sentence says which. Never repeats a key."""


@discreet("wrapped")
class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One data key as it stands in the file. ``wrapped`` is empty once it is destroyed."""

    id: bytes  # 4 octets
    tenant: str
    made_ms: int
    ends_ms: int  # when it was destroyed, or is to be; 0: never
    wrapped: bytes


class File(msgspec.Struct, frozen=True, array_like=True):
    """The whole file."""

    version: int
    ring: bytes  # 16 octets that tell this ring from any other; the journal knows them too
    entries: tuple[Entry, ...]


class Keyring:
    """The file and the master key. Owns neither: several processes of a machine read and write them under a lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._masters: list[AESGCM] | None = None

    # -- reading ---------------------------------------------------------------------------------------------------
    def stamp(self) -> tuple[int, int]:
        """What changes whenever the file does; (0, 0) where there is none."""
        try:
            found = (self.folder / FILE).stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino

    def read(self) -> File | None:
        """The file; None where there is none. Raises ``KeysUnusable``."""
        try:
            octets = (self.folder / FILE).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeysUnusable(f"{self.folder / FILE} cannot be read: {error.strerror}") from None
        try:
            found = msgspec.msgpack.decode(octets, type=File)
        except msgspec.DecodeError:
            raise KeysUnusable(f"{self.folder / FILE} is no file of keys") from None
        if found.version != VERSION:
            raise KeysUnusable(f"{self.folder / FILE} is of another release (version {found.version})")
        return found

    def unwrap(self, entry: Entry) -> bytes | None:
        """The data key; None when it is destroyed. Raises ``KeysUnusable`` when no master key fits."""
        if not entry.wrapped:
            return None
        nonce, sealed = entry.wrapped[:NONCE_OCTETS], entry.wrapped[NONCE_OCTETS:]
        for master in self._known_masters():
            with contextlib.suppress(InvalidTag):
                return master.decrypt(nonce, sealed, _bound_to(entry.id, entry.tenant))
        raise KeysUnusable(f"the master key does not open {self.folder / FILE}")

    # -- writing ---------------------------------------------------------------------------------------------------
    def current(self, tenant: str, now_ms: int) -> Entry:
        """The newest key of a tenant, made if there is none; raises ``KeysUnusable`` where there is no file to add it to.

        Only ``ensure`` begins a file: a machine that was not given the keys must not begin with others.
        """
        with self._locked():
            file = self._known()
            found = newest(file, tenant)
            if found is None:
                found = self._make(tenant, now_ms)
                self._write(msgspec.structs.replace(file, entries=(*file.entries, found)))
            return found

    def ensure(self, tenants: list[str], now_ms: int) -> bytes:
        """Have the file, and a key for each of these in it; returns the ring's octets. Opens one to prove the master key."""
        with self._locked():
            file = self.read()
            fresh = file is None
            file = file or self._new()
            missing = [tenant for tenant in dict.fromkeys([SYSTEM, DIGESTS, *tenants]) if newest(file, tenant) is None]
            made = [self._make(tenant, now_ms) for tenant in missing]
            if fresh or made:
                file = msgspec.structs.replace(file, entries=(*file.entries, *made))
                self._write(file)
            for entry in file.entries:
                self.unwrap(entry)
            return file.ring

    def renew(self, tenant: str, now_ms: int) -> Entry:
        """A new key for what comes from now on; what was written before is read with the old one."""
        with self._locked():
            file = self._known()
            made = self._make(tenant, now_ms)
            self._write(msgspec.structs.replace(file, entries=(*file.entries, made)))
            return made

    def erase(self, tenant: str, now_ms: int) -> int:
        """Destroy all keys of a tenant; how many. The system's own key is replaced too, and destroyed within the hour."""
        with self._locked():
            file = self._known()
            gone = [entry for entry in file.entries if entry.tenant == tenant and entry.wrapped]
            kept = []
            for entry in file.entries:
                if entry in gone:
                    kept.append(msgspec.structs.replace(entry, ends_ms=now_ms, wrapped=b""))
                elif entry.tenant == SYSTEM and not entry.ends_ms:
                    kept.append(msgspec.structs.replace(entry, ends_ms=now_ms + SYSTEM_KEPT_MS))
                else:
                    kept.append(entry)
            if gone:
                self._write(msgspec.structs.replace(file, entries=(*kept, self._make(SYSTEM, now_ms))))
            return len(gone)

    def prune(self, now_ms: int) -> None:
        """Destroy the keys whose time is over."""
        with self._locked():
            file = self.read()
            if file is not None and any(_over(entry, now_ms) for entry in file.entries):
                kept = (msgspec.structs.replace(e, wrapped=b"") if _over(e, now_ms) else e for e in file.entries)
                self._write(msgspec.structs.replace(file, entries=tuple(kept)))

    def rewrap(self) -> int:
        """Wrap every key under the newest master key; how many."""
        with self._locked():
            file = self.read()
            if file is None:
                return 0
            entries = [self._wrap(e, key) if (key := self.unwrap(e)) is not None else e for e in file.entries]
            self._write(msgspec.structs.replace(file, entries=tuple(entries)))
            return sum(bool(entry.wrapped) for entry in entries)

    def _known(self) -> File:
        if (file := self.read()) is None:
            raise KeysUnusable(f"there are no keys in {self.folder}")
        return file

    # -- within ----------------------------------------------------------------------------------------------------
    @staticmethod
    def _new() -> File:
        return File(VERSION, os.urandom(16), ())

    def _make(self, tenant: str, now_ms: int) -> Entry:
        return self._wrap(Entry(os.urandom(4), tenant, now_ms, 0, b""), AESGCM.generate_key(256))

    def _wrap(self, entry: Entry, key: bytes) -> Entry:
        nonce = os.urandom(NONCE_OCTETS)
        master = self._known_masters(make=True)[0]
        return msgspec.structs.replace(entry, wrapped=nonce + master.encrypt(nonce, key, _bound_to(entry.id, entry.tenant)))

    def _known_masters(self, *, make: bool = False) -> list[AESGCM]:
        if self._masters is None:
            text = os.environ.get(MASTER_VARIABLE, "") or self._master_file(make=make)
            try:
                keys = [bytes.fromhex(one) for one in text.replace(",", " ").split()]
            except ValueError:
                keys = []
            if not keys or any(len(key) != KEY_OCTETS for key in keys):
                where = MASTER_VARIABLE if os.environ.get(MASTER_VARIABLE) else str(self.folder / MASTER_FILE)
                raise KeysUnusable(f"{where} is no master key: {2 * KEY_OCTETS} hexadecimal digits are wanted")
            self._masters = [AESGCM(key) for key in keys]
        return self._masters

    def _master_file(self, *, make: bool) -> str:
        path = self.folder / MASTER_FILE
        try:
            return path.read_text("ascii", "replace")
        except FileNotFoundError:
            if not make or self.stamp() != (0, 0):
                raise KeysUnusable(f"{path} is missing, and {MASTER_VARIABLE} is not set: the keys cannot be opened") from None
        text = os.urandom(KEY_OCTETS).hex()
        _replace(path, text.encode())
        return text

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, file: File) -> None:
        _replace(self.folder / FILE, msgspec.msgpack.encode(file))


def newest(file: File, tenant: str) -> Entry | None:
    """The key that a tenant's new messages are encrypted under."""
    return next((one for one in reversed(file.entries) if one.tenant == tenant and one.wrapped and not one.ends_ms), None)


def _over(entry: Entry, now_ms: int) -> bool:
    return bool(entry.wrapped) and 0 < entry.ends_ms <= now_ms


def _bound_to(key_id: bytes, tenant: str) -> bytes:
    return _AAD + key_id + tenant.encode()


def _replace(path: Path, octets: bytes) -> None:
    """Put a file in another one's place, on disk, readable by its owner only; then blot out what stood there (disks may keep copies)."""
    before = None
    with contextlib.suppress(FileNotFoundError):
        before = path.open("r+b")
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    if before is not None:
        with before:
            size = before.seek(0, os.SEEK_END)
            before.seek(0)
            before.write(bytes(size))
            before.flush()
            os.fsync(before.fileno())
