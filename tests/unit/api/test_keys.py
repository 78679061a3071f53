"""API keys."""

import hashlib
import re

import pytest

from router.keys import ENTROPY_OCTETS, KeyRing, make_key

ENTROPY = bytes(range(ENTROPY_OCTETS))
PLAIN, KEY = make_key(ENTROPY, "acme", ("send",))


def test_a_key_has_its_shape_and_only_its_hash_is_kept():
    assert re.fullmatch(r"tl_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}", PLAIN)
    assert KEY.sha256 == hashlib.sha256(PLAIN.encode()).hexdigest()
    assert (KEY.tenant, KEY.scopes, KEY.id) == ("acme", ("send",), PLAIN[3:11])
    assert PLAIN not in repr(KEY)


def test_every_octet_of_the_secret_counts():
    made = {make_key(ENTROPY[:n] + bytes([ENTROPY[n] ^ 0xFF]) + ENTROPY[n + 1 :], "acme")[0] for n in range(ENTROPY_OCTETS)}
    assert len(made) == ENTROPY_OCTETS
    assert PLAIN not in made


def test_too_little_entropy_is_refused():
    with pytest.raises(ValueError, match="38"):
        make_key(b"short", "acme")


@pytest.mark.parametrize("header", [f"Bearer {PLAIN}", f"bearer {PLAIN}", f"BEARER  {PLAIN}"])
def test_it_is_found_first_and_again(header):
    ring = KeyRing([KEY], secret=b"s")
    assert ring.find(header) is KEY
    assert ring.find(header) is KEY


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        PLAIN,
        f"Basic {PLAIN}",
        f"Bearer {PLAIN[:-1]}",
        f"Bearer {PLAIN}x",
        f"Bearer {PLAIN[:20]}{'a' if PLAIN[20] != 'a' else 'b'}{PLAIN[21:]}",
        f"Bearer {PLAIN}, Bearer {PLAIN}",
        "Bearer tl_\xe9",
        "Bearer \ud800",
        f"Bearer {make_key(bytes(ENTROPY_OCTETS), 'acme')[0]}",
    ],
)
def test_anything_else_is_not_found(header):
    ring = KeyRing([KEY])
    assert ring.find(header) is None
    assert ring.find(f"Bearer {PLAIN}") is KEY
    assert ring.find(header) is None


def test_same_id_other_secret_is_refused():
    other, _ = make_key(ENTROPY[:6] + bytes(32), "acme")
    assert other[:11] == PLAIN[:11]
    assert KeyRing([KEY]).find(f"Bearer {other}") is None


def test_the_cache_holds_no_plaintext():
    ring = KeyRing([KEY])
    ring.find(f"Bearer {PLAIN}")
    assert all(PLAIN.encode() not in entry for entry in ring._cache)
