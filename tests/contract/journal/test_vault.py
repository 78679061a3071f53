"""Texts and numbers at rest: what the server and its log hold, and what is left when a key is destroyed."""

from pathlib import Path

import pytest

from actors.journal import EmbeddedServer, RedisJournal
from actors.journal.cipher import GROUP_OCTETS, SEALED, KeyMissing
from actors.journal.keyring import FILE, MASTER_FILE, MASTER_VARIABLE, SYSTEM, SYSTEM_KEPT_MS, Keyring, KeysUnusable, newest
from actors.journal.vault import Vault
from router.ids import make_id
from router.journal.port import Group, Intake, Part, Received
from router.model import MessageClass, State
from router.record import ERASED, Body, ErasedRecord, EventKind, UnreadableRecord, pack_body, pack_event, unpack_body

NOW_MS = 1_768_469_400_000
ID = make_id(NOW_MS, 7, bytes(10))
OTHER = make_id(NOW_MS, 7, b"\1" * 10)
TEXT, NUMBER = "canary text äöü", "447700900123"


def body(tenant="acme", text=TEXT):
    return Body(
        tenant=tenant,
        to=NUMBER,
        sender="ACME",
        text=text,
        klass=0,
        created_ms=NOW_MS,
        expires_ms=NOW_MS + 60_000,
        encoding="gsm7",
        segments=1,
        country="GB",
        network="23410",
    )


OCTETS = pack_body(body())


def begun(folder):
    ring = Keyring(folder)
    ring.ensure([], NOW_MS)
    return ring


@pytest.fixture
def ring(tmp_path):
    return begun(tmp_path / "keys")


@pytest.fixture
def keys(ring):
    return Vault(ring)


# -- what is sealed -----------------------------------------------------------------------------------------------------


def test_what_is_sealed_opens_again_and_tells_nothing(keys):
    sealed = keys.seal("acme", ID, OCTETS)
    assert sealed[:1] == SEALED
    assert NUMBER.encode() not in sealed
    assert TEXT.encode() not in sealed
    assert keys.open(ID, sealed) == OCTETS
    assert len(sealed) == len(OCTETS) + 33


def test_the_same_call_again_writes_the_same_octets_and_no_other_does(keys):
    sealed = keys.seal("acme", ID, OCTETS)
    assert keys.seal("acme", ID, OCTETS) == sealed
    others = [keys.seal("acme", OTHER, OCTETS), keys.seal("globex", ID, OCTETS), keys.seal("acme", ID, pack_body(body(text="b")))]
    assert len({sealed[17:40], *(one[17:40] for one in others)}) == 4
    assert len({sealed[5:17], *(one[5:17] for one in others)}) == 4


def test_a_record_in_another_ones_place_does_not_open(keys):
    sealed = keys.seal("acme", ID, OCTETS)
    keys.seal("globex", ID, OCTETS)
    for name, octets in [
        (OTHER, sealed),
        (ID, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (ID, sealed[:20]),
        (ID, SEALED + keys.seal("globex", ID, OCTETS)[1:5] + sealed[5:]),
    ]:
        opened = keys.open(name, octets)
        assert opened == octets
        with pytest.raises(UnreadableRecord):
            unpack_body(opened)


def test_what_was_written_before_is_read_as_it_is(keys):
    for octets in (OCTETS, b"", b"\x90", b"anything"):
        assert keys.open(ID, octets) == octets
    assert not OCTETS.startswith(SEALED)


def test_what_is_not_to_be_sealed_is_not_and_what_was_is_read(ring, keys):
    sealed = keys.seal("acme", ID, OCTETS)
    reader = Vault(ring, sealing=False)
    assert reader.seal("acme", ID, OCTETS) == OCTETS
    assert reader.open(ID, sealed) == OCTETS


def test_times_and_groups_have_keys_of_their_own(keys):
    later = make_id(NOW_MS + (1 << 24), 7, bytes(10))
    assert keys.open(later, keys.seal("acme", later, OCTETS)) == OCTETS
    part = keys.seal(SYSTEM, ID, OCTETS, GROUP_OCTETS)
    assert keys.open(ID, part, GROUP_OCTETS) == OCTETS
    assert keys.open(ID, part) == part, "another derived key"
    for place in range(20_000):
        name = make_id(place << 24, 7, bytes(10))
        assert keys.open(name, keys.seal("acme", name, b"\x90x")) == b"\x90x"
    assert sum(len(one.slots) for one in keys._keys.values()) <= 16_384


# -- the keys -----------------------------------------------------------------------------------------------------------


def test_files_are_their_owners_only_and_hold_no_key_in_the_clear(ring, keys):
    keys.seal("acme", ID, OCTETS)
    data_key = keys._current["acme"].data_key
    assert ring.folder.stat().st_mode & 0o777 == 0o700
    for name in (FILE, MASTER_FILE):
        assert (ring.folder / name).stat().st_mode & 0o777 == 0o600
        assert data_key not in (ring.folder / name).read_bytes()
    assert data_key.hex() not in (ring.folder / MASTER_FILE).read_text()
    assert repr(keys) == f"Vault({str(ring.folder)!r})"
    assert newest(ring.read(), "acme").wrapped.hex() not in repr(ring.read())


def test_two_processes_share_the_keys_of_a_machine(ring, keys):
    second = Vault(Keyring(ring.folder))
    sealed = second.seal("acme", ID, OCTETS)
    assert keys.open(ID, sealed) == OCTETS
    assert keys.seal("acme", ID, OCTETS) == sealed
    assert len([one for one in ring.read().entries if one.tenant == "acme"]) == 1


def test_a_renewed_key_seals_what_comes_and_the_old_one_opens_what_was(ring, keys):
    before = keys.seal("acme", ID, OCTETS)
    ring.renew("acme", NOW_MS)
    keys.refresh()
    after = keys.seal("acme", ID, OCTETS)
    assert before[1:5] != after[1:5]
    assert keys.open(ID, before) == keys.open(ID, after) == OCTETS


def test_an_erased_tenants_messages_are_erased_wherever_a_copy_lies(ring, keys):
    mine, others = keys.seal("acme", ID, OCTETS), keys.seal("globex", ID, OCTETS)
    ring.renew("acme", NOW_MS)
    file = (ring.folder / FILE).open("rb")
    assert ring.erase("acme", NOW_MS) == 2
    assert set(file.read()) == {0}, "the file that stood there is blotted out"
    file.close()
    keys.refresh()
    fresh = Vault(Keyring(ring.folder))
    for vault in (keys, fresh):
        assert vault.open(ID, mine) == ERASED
        assert vault.open(ID, others) == OCTETS
        with pytest.raises(ErasedRecord):
            unpack_body(vault.open(ID, mine))
    assert all(one.data_key is None and not one.slots for one in keys._keys.values() if one.bound_to == b"acme\0")
    again = keys.seal("acme", ID, OCTETS)
    assert keys.open(ID, again) == OCTETS, "who comes back begins anew"
    assert keys.open(ID, mine) == ERASED
    assert ring.erase("nobody", NOW_MS) == 0


def test_what_was_no_tenants_yet_goes_within_the_hour(ring, keys, monkeypatch):
    part = keys.seal(SYSTEM, ID, OCTETS, GROUP_OCTETS)
    keys.seal("acme", ID, OCTETS)
    ring.erase("acme", NOW_MS)
    keys.refresh()
    assert keys.open(ID, part, GROUP_OCTETS) == OCTETS
    monkeypatch.setattr("actors.machine.now_ms", lambda: NOW_MS + SYSTEM_KEPT_MS)
    keys.refresh()
    assert keys.open(ID, part, GROUP_OCTETS) == ERASED
    assert keys.seal(SYSTEM, ID, OCTETS, GROUP_OCTETS)[1:5] != part[1:5]


def test_without_its_keys_nothing_is_taken_for_lost(tmp_path, keys):
    sealed = keys.seal("acme", ID, OCTETS)
    stranger = Vault(begun(tmp_path / "others"))
    stranger.seal("acme", ID, OCTETS)
    with pytest.raises(KeyMissing):
        stranger.open(ID, sealed)


def test_the_master_key_may_come_from_the_environment_and_be_replaced(tmp_path, monkeypatch):
    old, new = "11" * 32, "22" * 32
    monkeypatch.setenv(MASTER_VARIABLE, old)
    ring = begun(tmp_path / "keys")
    sealed = Vault(ring).seal("acme", ID, OCTETS)
    assert not (ring.folder / MASTER_FILE).exists()
    monkeypatch.setenv(MASTER_VARIABLE, f"{new},{old}")
    assert Keyring(ring.folder).rewrap() == 3
    monkeypatch.setenv(MASTER_VARIABLE, new)
    assert Vault(Keyring(ring.folder)).open(ID, sealed) == OCTETS
    for wrong in (old, "33" * 32, "1234", "no key"):
        monkeypatch.setenv(MASTER_VARIABLE, wrong)
        with pytest.raises(KeysUnusable):
            Keyring(ring.folder).ensure(["acme"], NOW_MS)
        with pytest.raises(KeyMissing):
            Vault(Keyring(ring.folder)).open(ID, sealed)


def test_a_lost_master_key_is_not_made_anew(ring, keys):
    keys.seal("acme", ID, OCTETS)
    (ring.folder / MASTER_FILE).unlink()
    with pytest.raises(KeysUnusable, match="is missing"):
        Keyring(ring.folder).ensure(["new"], NOW_MS)
    assert not (ring.folder / MASTER_FILE).exists()


def test_a_machine_without_the_keys_does_not_begin_with_others(tmp_path):
    folder = tmp_path / "nothing"
    vault = Vault(Keyring(folder))
    for work in (
        lambda: vault.seal("acme", ID, OCTETS),
        lambda: vault.open(ID, SEALED + bytes(40)),
        lambda: vault.mask(bytes(24)),
    ):
        with pytest.raises(KeyMissing):
            work()
    assert vault.ring == b""
    assert not (folder / FILE).exists()


def test_digests_are_keyed_and_stay_comparable(ring, keys):
    one, same_key, other = bytes(24), bytes(16) + b"12345678", b"1" * 24
    masked = keys.mask(one)
    assert len(masked) == 24
    assert masked == Vault(ring).mask(one)
    assert (masked[:16] == keys.mask(same_key)[:16], masked[16:] == keys.mask(same_key)[16:]) == (True, False)
    assert masked[:16] != keys.mask(other)[:16]
    assert masked != Vault(begun(ring.folder.with_name("other"))).mask(one)
    ring.erase("acme", NOW_MS)
    keys.refresh()
    assert keys.mask(one) == masked, "replays are known for ever"


@pytest.mark.parametrize("octets", [b"", b"no keys", b"\x93\x02\xc4\x10" + bytes(16) + b"\x90"])
def test_a_file_that_cannot_be_read_changes_nothing(ring, keys, octets):
    sealed = keys.seal("acme", ID, OCTETS)
    (ring.folder / FILE).write_bytes(octets)
    with pytest.raises(KeysUnusable):
        ring.read()
    keys.refresh()
    assert keys.open(ID, sealed) == OCTETS, "the keys in memory stay"


# Made once by this code; what outlives releases must be readable by all that follow.
GOLDEN_FOLDER = Path(__file__).parents[2] / "data" / "keys"
GOLDEN_SEALED = Path(__file__).parents[2] / "data" / "sealed_body.hex"


def test_keys_and_records_of_earlier_releases_are_read():
    vault = Vault(Keyring(GOLDEN_FOLDER))
    assert vault.open(ID, bytes.fromhex(GOLDEN_SEALED.read_text())) == OCTETS
    assert unpack_body(vault.open(ID, bytes.fromhex(GOLDEN_SEALED.read_text()))).text == TEXT


# -- the journal --------------------------------------------------------------------------------------------------------


async def everything(server):
    """All that the server holds and all that it wrote."""
    journal = RedisJournal.connect(server.url)
    link = journal._topology.links[0]
    held = []
    for key in await link.command("KEYS", "*"):
        kind = await link.command("TYPE", key)
        read = {
            b"hash": ("HGETALL", key),
            b"list": ("LRANGE", key, 0, -1),
            b"zset": ("ZRANGE", key, 0, -1),
            b"string": ("GET", key),
        }
        held.append(repr(await link.command(*read[kind])).encode() + b"".join(_flat(await link.command(*read[kind]))))
    await journal.close()
    log = b"".join(path.read_bytes() for path in server.folder.rglob("*") if path.is_file())
    return b"".join(held), log


def _flat(value):
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _flat(pair)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _flat(one)


async def test_neither_server_nor_log_has_a_text_or_a_number(tmp_path, ring, keys):
    server = EmbeddedServer(tmp_path / "journal", maxmemory=64 << 20)
    await server.start()
    try:
        journal = RedisJournal.connect(server.url, retention_s=60, cipher=keys)
        key = b"digest of 16 oct" + b"12345678"
        intake = Intake(ID, "acme", MessageClass.OTP, OCTETS, NOW_MS + 60_000, wants_events=True, idempotency=key)
        assert (await journal.accept([intake]))[0].fresh
        assert not (await journal.accept([intake]))[0].fresh
        event = pack_event(NOW_MS, EventKind.QUEUED, "replaced")
        other = pack_body(body(text=f"{TEXT} again"))
        for _ in range(2):
            assert await journal.replace(ID, "acme", other, 1, event) is State.QUEUED
        received = pack_event(NOW_MS, EventKind.RECEIVED, "one")
        await journal.receive([Received(OTHER, "acme", OCTETS, received, wants_events=True)])
        group = bytes(range(16))
        parts = [Part(group, make_id(NOW_MS, 0, b"\2" * 10), n, 3, f"{TEXT} {n} {NUMBER}".encode(), "acme") for n in (1, 2, 3)]
        assert [one.fresh for one in await journal.gather(parts[:2])] == [True, True]
        assert [one.fresh for one in await journal.gather(parts[:1])] == [False], "the same part is the same"
        (stale,) = await journal.stale_groups(range(64), 0.0, 10)
        assert stale == Group(group, parts[0].id, 3, {1: parts[0].octets, 2: parts[1].octets})
        assert (await journal.gather(parts[2:]))[0].whole == tuple(part.octets for part in parts)
        await journal.close_groups([group + parts[0].id], 60)
        assert (await journal.gather(parts[:1]))[0].fresh is False

        epoch, _, _ = await journal.register("d", "x", 60)
        await journal.lease_partitions("d", epoch, range(64), 60)
        (claimed,), _ = await journal.claim("d", epoch, range(64), {MessageClass.OTP: 10})
        assert claimed.body == other
        first, second = await journal.read([ID, OTHER])
        assert (first.body, first.tenant, second.body) == (other, "acme", OCTETS)
        (notice,) = await journal.claim_notices("c", range(64), 10, 60)
        assert notice.body == OCTETS
        await journal.bury_notices([notice])
        assert [one.body for one in await journal.dead_notices(10)] == [OCTETS]

        for place in await everything(server):
            assert len(place) > 500
            for canary in (b"canary", NUMBER.encode(), "äöü".encode(), key[:16], key[16:]):
                assert canary not in place, repr(place[max(0, place.find(canary) - 150) :][:300])

        ring.erase("acme", NOW_MS)
        keys.refresh()
        first, second = await journal.read([ID, OTHER])
        assert (first.body, first.tenant, second.body) == (ERASED, "acme", ERASED)
        assert [one.body for one in await journal.dead_notices(10)] == [ERASED]
        await journal.close()
    finally:
        await server.stop()


async def test_a_journal_without_keys_gives_what_stands_there_and_harms_nothing(tmp_path, keys):
    server = EmbeddedServer(tmp_path / "journal", maxmemory=64 << 20)
    await server.start()
    try:
        plain = RedisJournal.connect(server.url, retention_s=60)
        await plain.accept([Intake(ID, "acme", MessageClass.OTP, OCTETS, NOW_MS + 60_000)])
        sealing = RedisJournal.connect(server.url, retention_s=60, cipher=keys)
        await sealing.accept([Intake(OTHER, "acme", MessageClass.OTP, OCTETS, NOW_MS + 60_000)])
        assert [record.body for record in await sealing.read([ID, OTHER])] == [OCTETS, OCTETS], "old records are read"
        mine, theirs = await plain.read([ID, OTHER])
        assert mine.body == OCTETS
        with pytest.raises(UnreadableRecord):
            unpack_body(theirs.body)
        await plain.close()
        await sealing.close()
    finally:
        await server.stop()
