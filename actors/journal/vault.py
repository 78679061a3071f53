"""Texts and numbers at rest: what the journal's bodies and parts are encrypted with before they leave this process.

AES-256-GCM under the tenant's data key (``actors.journal.keyring``), bound to tenant and message: a record put in another one's place
does not open. Sealed octets are: version 1, four octets of key id, twelve of nonce, ciphertext and tag. Octets with another first one
are from before (msgpack arrays begin at 0x90) and are read as they are.

The nonce is a keyed digest of name and text (as in SIV, RFC 5297), so that the same call made again writes the same octets: scripts
that compare what stands with what comes go on doing so. No key seals more than 2^32 texts (NIST SP 800-38D, 8.3): each data key has
a key derived from it for every 4.7 hours of messages' ids, and for parts one for each first octet of their group.
"""

import logging
from hashlib import blake2b
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from actors import machine
from actors.journal.cipher import SEALED, TIME_OCTETS, KeyMissing
from actors.journal.keyring import DIGESTS, Entry, File, Keyring, KeysUnusable, newest
from router.record import ERASED

log = logging.getLogger("trunkline.vault")

HEAD: Final = 5  # version and key id
OPENS_AT: Final = 17  # after the nonce
SLOTS_KEPT: Final = 16_384  # derived keys in memory, a kilobyte or so each


class _Slot(NamedTuple):
    """A key derived for a part of what a data key seals."""

    cipher: AESGCM
    nonce_key: bytes


class _Key(NamedTuple):
    """A data key in use."""

    head: bytes  # version and id, as written
    bound_to: bytes
    data_key: bytes | None  # None: destroyed
    slots: dict[bytes, _Slot]


class Vault:
    """The keys of one folder. May forget everything: they are read again. ``sealing`` False: only reads what was sealed before."""

    def __init__(self, ring: Keyring, *, sealing: bool = True) -> None:
        self._ring = ring
        self._sealing = sealing
        self._stamp = (0, 0)
        self._keys: dict[bytes, _Key] = {}
        self._current: dict[str, _Key] = {}
        self._slots = 0  # how many keys have been derived
        self.ring = b""  # which ring these keys are of
        self._ends_ms = 0  # when the next key is to be destroyed; 0: none is
        self.refresh()

    def __repr__(self) -> str:
        return f"Vault({str(self._ring.folder)!r})"

    def seal(self, tenant: str, name: bytes, octets: bytes, slot: int = TIME_OCTETS) -> bytes:
        """See ``Cipher``. Makes the tenant a key when it has none; raises ``KeyMissing`` where that cannot be."""
        if not self._sealing:
            return octets
        key = self._current.get(tenant) or self._make(tenant)
        place = key.slots.get(name[:slot]) or self._slot(key, name[:slot])
        nonce = blake2b(octets, key=place.nonce_key, salt=name, digest_size=12).digest()
        return key.head + nonce + place.cipher.encrypt(nonce, octets, key.bound_to + name)

    def open(self, name: bytes, octets: bytes, slot: int = TIME_OCTETS) -> bytes:
        """See ``Cipher``."""
        if octets[:1] != SEALED:
            return octets
        key = self._keys.get(octets[1:HEAD]) or self._find(octets[1:HEAD])
        if key.data_key is None:
            return ERASED
        place = key.slots.get(name[:slot]) or self._slot(key, name[:slot])
        try:
            return place.cipher.decrypt(octets[HEAD:OPENS_AT], octets[OPENS_AT:], key.bound_to + name)
        except InvalidTag:
            log.error("vault.damaged name=%s key=%s", name.hex(), octets[1:HEAD].hex())  # noqa: TRY400 (the trace says nothing)
            return octets

    def mask(self, digest: bytes) -> bytes:
        """See ``Cipher``."""
        if not self._sealing:
            return digest
        key = self._current.get(DIGESTS) or self._make(DIGESTS)
        secret = (key.slots.get(b"") or self._slot(key, b"")).nonce_key
        return blake2b(digest[:16], key=secret, digest_size=16).digest() + blake2b(digest, key=secret, digest_size=8).digest()

    def refresh(self) -> None:
        """Read the keys again if they have changed, and destroy those whose time is over. Keys that cannot be read stay as they are."""
        now_ms = machine.now_ms()
        try:
            if self._ends_ms and self._ends_ms <= now_ms:
                self._ring.prune(now_ms)
            stamp = self._ring.stamp()
            if stamp != self._stamp:
                file = self._ring.read()
                if file is not None:
                    self._take(file)
                self._stamp = stamp
        except (KeysUnusable, OSError) as error:
            log.error("vault.keys_unusable error=%s", type(error).__name__)  # noqa: TRY400 (the trace says nothing more)

    def _take(self, file: File) -> None:
        known = {
            entry.id: self._key(entry, before)
            if (before := self._keys.get(entry.id)) is None or bool(before.data_key) != bool(entry.wrapped)
            else before
            for entry in file.entries
        }
        found = {tenant: newest(file, tenant) for tenant in {entry.tenant for entry in file.entries}}
        self._current = {tenant: known[entry.id] for tenant, entry in found.items() if entry is not None}
        self._keys = known
        self.ring = file.ring
        self._ends_ms = min((entry.ends_ms for entry in file.entries if entry.ends_ms and entry.wrapped), default=0)

    def _key(self, entry: Entry, before: _Key | None) -> _Key:
        if before is not None:
            before.slots.clear()
        return _Key(SEALED + entry.id, entry.tenant.encode() + b"\0", self._ring.unwrap(entry), {})

    def _slot(self, key: _Key, place: bytes) -> _Slot:
        if key.data_key is None:
            raise KeyMissing("a key was destroyed")
        if self._slots >= SLOTS_KEPT:
            self._slots = 0
            for one in self._keys.values():
                one.slots.clear()
        self._slots += 1
        derived = blake2b(place, key=key.data_key, person=b"trunkline slot", digest_size=64).digest()
        made = key.slots[place] = _Slot(AESGCM(derived[:32]), derived[32:])
        return made

    def _make(self, tenant: str) -> _Key:
        try:
            self._ring.current(tenant, machine.now_ms())
        except (KeysUnusable, OSError) as error:
            raise KeyMissing(f"a tenant has no key, and none can be made ({type(error).__name__})") from error
        self.refresh()
        if (made := self._current.get(tenant)) is None:
            raise KeyMissing("a tenant has no key")
        return made

    def _find(self, key_id: bytes) -> _Key:
        self.refresh()
        if (found := self._keys.get(key_id)) is None:
            raise KeyMissing(f"the key {key_id.hex()} is not among the keys of this machine")
        return found
