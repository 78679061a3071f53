"""API keys: how they are made, how they read, how one is found again from what a request shows.

``tl_<8 characters of id>_<43 characters of secret>_<6 characters of checksum>``. The id is public and finds the record; the
secret is 256 random bits in base 62, so a plain SHA-256 of the whole is enough at rest (slow hashes are for passwords people
choose); the checksum lets a scanner tell a leaked key from a look-alike, and lets us refuse a typing error without a look-up.
"""

import hmac
import re
from binascii import crc32
from collections.abc import Iterable
from hashlib import blake2b, sha256
from typing import Final

from router.settings import Key

ENTROPY_OCTETS: Final = 38  # 6 for the id, 32 for the secret
CACHE_KEYS: Final = 10_000  # how many keys seen lately are remembered; more are hashed again

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE: Final = re.compile(r"tl_([0-9A-Za-z]{8})_([0-9A-Za-z]{43,64})_([0-9A-Za-z]{6})")
_CRC_LENGTH: Final = 6  # 62**6 > 2**32


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _checksum(text: str) -> str:
    return _base62(crc32(text.encode("ascii")), _CRC_LENGTH)


def hash_key(plaintext: str) -> str:
    """What is stored of a key."""
    return sha256(plaintext.encode("utf-8", "surrogatepass")).hexdigest()


def make_key(entropy: bytes, tenant: str, scopes: tuple[str, ...] = ("send", "read")) -> tuple[str, Key]:
    """A new key from 38 unpredictable octets: the plaintext, shown once, and the record to be stored."""
    if len(entropy) != ENTROPY_OCTETS:
        raise ValueError(f"{ENTROPY_OCTETS} octets of entropy are needed, not {len(entropy)}")
    key_id = _base62(int.from_bytes(entropy[:6], "big") % 62**8, 8)
    secret = _base62(int.from_bytes(entropy[6:], "big"), 43)
    stem = f"tl_{key_id}_{secret}"
    plaintext = f"{stem}_{_checksum(stem)}"
    return plaintext, Key(id=key_id, tenant=tenant, sha256=hash_key(plaintext), scopes=scopes)  # type: ignore[arg-type]  # words are checked where settings are read


def id_shown(header: str) -> str:
    """The id of the key in an ``Authorization`` header, whether there is such a key or not; "" where it has no key's shape."""
    shape = _SHAPE.fullmatch(header.partition(" ")[2].strip(" "))
    return shape.group(1) if shape else ""


class KeyRing:
    """All keys of one version of the settings.

    ``find`` remembers what it found, so that a key in use is taken apart, checked and compared once a version of the settings:
    afterwards it costs one short keyed digest and a dictionary look-up. The cache is keyed by that digest, not by the key, so
    that no plaintext rests in memory, and by a secret of the ring, so that nobody outside can aim at a place in it. It dies with
    the ring: a revoked key is refused as soon as the new settings are in force. Only what was found is cached: guesses
    cannot fill it.
    """

    __slots__ = ("_by_id", "_cache", "_secret")

    def __init__(self, keys: Iterable[Key] = (), *, secret: bytes = b"") -> None:
        self._by_id = {key.id: key for key in keys}
        self._cache: dict[bytes, Key] = {}
        self._secret = secret[:64]

    def find(self, header: str) -> Key | None:
        """The record of the key in an ``Authorization`` header, None for no key, a malformed or an unknown one."""
        digest = blake2b(header.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=32).digest()
        known = self._cache.get(digest)
        if known is not None:
            return known
        scheme, _, plaintext = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        plaintext = plaintext.strip(" ")
        shape = _SHAPE.fullmatch(plaintext)
        if shape is None or _checksum(plaintext.rpartition("_")[0]) != shape.group(3):
            return None
        key = self._by_id.get(shape.group(1))
        # An unknown id is compared as well, so that the time taken does not tell ids that exist from those that do not.
        if not hmac.compare_digest(hash_key(plaintext), key.sha256 if key else "0" * 64) or key is None:
            return None
        if len(self._cache) >= CACHE_KEYS:
            self._cache.clear()
        self._cache[digest] = key
        return key
