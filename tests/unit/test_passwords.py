"""Passwords of SMPP accounts."""

import pytest

from router.passwords import PASSWORD_LENGTH, check_password, hash_password, make_password, read_hash


def test_a_password_is_known_again_and_no_other():
    kept = hash_password("swordfish", bytes(16))
    assert check_password("swordfish", kept)
    assert not check_password("swordfis", kept)
    assert not check_password("", kept)
    assert "swordfish" not in kept


def test_the_same_password_is_kept_differently():
    assert hash_password("swordfish", bytes(16)) != hash_password("swordfish", b"\1" * 16)


def test_a_hash_made_elsewhere_is_read():
    """RFC 7914, 12: the test vector with N = 16384, cut to 32 octets, which scrypt's last step allows."""
    kept = "scrypt$16384$8$1$536f6469756d43686c6f72696465$" + "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
    assert check_password("pleaseletmein", kept)


def test_made_passwords_are_of_a_length_that_no_client_cuts():
    assert len(make_password(bytes(16))) == PASSWORD_LENGTH == 8
    assert make_password(bytes(16)) != make_password(b"\xff" * 16)
    with pytest.raises(ValueError, match="entropy"):
        make_password(b"")


@pytest.mark.parametrize(
    "kept", ["", "scrypt", "scrypt$16384$8$1$00$00", "bcrypt$16384$8$1$00$00", "scrypt$3$8$1$00$" + "00" * 32]
)
def test_what_is_no_hash_is_told(kept):
    with pytest.raises(ValueError):
        read_hash(kept)
