"""Passwords of SMPP accounts: how they are made, how they are kept, how one is checked.

People and gateways choose and cut them (SMPP 3.4 gives a password 8 characters, and common clients cut longer ones silently), so
they are kept by a slow hash: scrypt (RFC 7914), ``scrypt$<n>$<r>$<p>$<salt>$<hash>`` with salt and hash in hexadecimal.
"""

import hmac
from hashlib import scrypt
from typing import Final, NamedTuple

PASSWORD_LENGTH: Final = 8  # of those made here: what every client sends in full
SALT_OCTETS: Final = 16
ENTROPY_OCTETS: Final = 16  # for ``make_password``

# 2^14 blocks of 1 KiB: 16 MiB and some 40 ms a guess. RFC 7914 gives these for interactive log-ins.
_N: Final = 1 << 14
_R: Final = 8
_P: Final = 1
_HASH_OCTETS: Final = 32
MOST_PASSES: Final = 16
_MEMORY_LIMIT: Final = 256 << 20  # of a stored hash: what a settings file may ask of us
# No letters or digits that are taken for others when read aloud; 55 of them make 46 bits with eight characters.
_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwx"


def make_password(entropy: bytes) -> str:
    """A password of 8 characters from 16 unpredictable octets."""
    if len(entropy) != ENTROPY_OCTETS:
        raise ValueError(f"{ENTROPY_OCTETS} octets of entropy are needed, not {len(entropy)}")
    number = int.from_bytes(entropy, "big")
    characters = []
    for _ in range(PASSWORD_LENGTH):
        number, at = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[at])
    return "".join(characters)


def hash_password(password: str, salt: bytes) -> str:
    """What is kept of a password; ``salt``: 16 unpredictable octets."""
    if len(salt) != SALT_OCTETS:
        raise ValueError(f"{SALT_OCTETS} octets of salt are needed, not {len(salt)}")
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${_scrypt(password, salt, _N, _R, _P).hex()}"


class Kept(NamedTuple):
    """A hash, read."""

    n: int  # blocks: a power of two
    r: int  # size of a block, in 128 octets
    p: int  # passes
    salt: bytes
    digest: bytes


def read_hash(kept: str) -> Kept:
    """What is kept of a password, taken apart; raises ``ValueError`` for what could not be checked."""
    try:
        word, n, r, p, salt, digest = kept.split("$")
        found = Kept(int(n), int(r), int(p), bytes.fromhex(salt), bytes.fromhex(digest))
    except ValueError:
        raise ValueError("is not scrypt$n$r$p$salt$hash") from None
    if word != "scrypt" or found.n < 2 or found.n & (found.n - 1) or not 1 <= found.p <= MOST_PASSES or not found.r:
        raise ValueError("has parameters that scrypt does not take")
    if 128 * found.n * found.r > _MEMORY_LIMIT // 2 or len(found.digest) != _HASH_OCTETS or len(found.salt) < 1:
        raise ValueError("asks for too much memory, or has a salt or hash of the wrong length")
    return found


def check_password(password: str, kept: str) -> bool:
    """Whether this is the password that ``kept`` was made of. Takes some 40 ms of CPU; raises ``ValueError`` as ``read_hash``."""
    n, r, p, salt, expected = read_hash(kept)
    return hmac.compare_digest(_scrypt(password, salt, n, r, p), expected)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # Latin-1 is what the wire carries; what it does not hold cannot have been sent
    octets = password.encode("latin-1", "replace")
    return scrypt(octets, salt=salt, n=n, r=r, p=p, dklen=_HASH_OCTETS, maxmem=_MEMORY_LIMIT)
