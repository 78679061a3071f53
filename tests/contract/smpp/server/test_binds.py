"""Who may bind, how often, and what strangers are told."""

import asyncio

import msgspec
import pytest

from carriers.smpp import commands as c
from carriers.smpp.commands import RALYBND, RBINDFAIL, RINVPASWD, RSYSERR
from carriers.smpp.law import SessionState
from carriers.smpp.server.admission import CHECKS_AT_ONCE
from carriers.smpp.server.register import MAX_UNBOUND_OF_ONE
from router.guesses import FREE_FAILURES


@pytest.mark.parametrize(
    ("command", "mode", "receiving"),
    [(c.BIND_TRANSMITTER, "transmitter", 0), (c.BIND_RECEIVER, "receiver", 1), (c.BIND_TRANSCEIVER, "transceiver", 1)],
)
async def test_a_gateway_binds_in_each_mode(server, dial, command, mode, receiving):
    gateway = await dial(command=command)
    assert gateway.bound is not None
    assert (gateway.bound.system_id, gateway.bound.tlvs) == ("trunkline", {c.TLV_SC_INTERFACE_VERSION: b"\x34"})
    assert server.listener.bound() == {"acme": (1, receiving)}
    (view,) = server.listener.sessions()
    assert (view.system_id, view.mode, view.peer, view.tls, view.version) == ("acme", mode, "127.0.0.1", False, 0x34)
    assert server.behind.rooms == ["acme"] * receiving


@pytest.mark.parametrize(("version", "served", "tlvs"), [(0x33, 0x33, 0), (0x00, 0x00, 0), (0x34, 0x34, 1), (0x50, 0x34, 1)])
async def test_versions_older_than_3_4_get_no_optional_parameters_and_newer_ones_are_served_as_3_4(
    server, dial, version, served, tlvs
):
    gateway = await dial(version=version)
    assert gateway.bound is not None
    assert len(gateway.bound.tlvs) == tlvs
    assert server.listener.sessions()[0].version == served


async def test_an_unknown_id_and_a_wrong_password_are_told_the_same(server, dial, poll):
    stranger = await dial("nobody", "secret12")
    wrong = await dial("acme", "secret13")
    assert stranger.refused == wrong.refused == RINVPASWD
    await poll(lambda: stranger.closed and wrong.closed, "closed after the refusal")
    assert server.behind.verified == ["nobody", "acme"]
    assert server.listener.counters.bind_failures == {"credentials": 2}
    await poll(lambda: server.listener.sessions() == [])


async def test_no_more_binds_than_the_account_allows_in_all_modes_together(server, dial, poll):
    server.behind.open_account(max_binds=2)
    first = await dial(command=c.BIND_TRANSMITTER)
    await dial(command=c.BIND_RECEIVER)
    assert (await dial()).refused == RALYBND
    first.unbind()
    await poll(lambda: first.closed)
    assert (await dial()).bound


async def test_binds_that_are_checked_at_the_same_time_count_too(server, dial, poll):
    server.behind.open_account(max_binds=1)
    server.behind.gate.clear()
    dials = [asyncio.ensure_future(dial()) for _ in range(3)]
    await poll(lambda: server.behind.verifying == CHECKS_AT_ONCE)
    server.behind.gate.set()
    gateways = await asyncio.gather(*dials)
    assert sorted(gateway.refused or 0 for gateway in gateways) == [0, RALYBND, RALYBND]


@pytest.mark.parametrize(
    ("addresses", "refused"),
    [(("127.0.0.1",), None), (("10.0.0.0/8", "127.0.0.0/8"), None), (("10.0.0.0/8",), RBINDFAIL), (("::1",), RBINDFAIL)],
)
async def test_an_account_binds_from_its_addresses_only(server, dial, addresses, refused):
    server.behind.open_account(addresses=addresses)
    assert (await dial()).refused == refused


async def test_a_disabled_account_does_not_bind(server, dial):
    server.behind.open_account(enabled=False)
    assert (await dial()).refused == RBINDFAIL
    assert (await dial(password="wrong")).refused == RINVPASWD


async def test_guesses_are_refused_unseen_after_some_and_a_known_pair_is_not(server, dial):
    assert (await dial()).bound
    for _ in range(FREE_FAILURES + 1):
        assert (await dial("other", "guess")).refused == RINVPASWD
    seen = len(server.behind.verified)
    assert (await dial("other", "guess")).refused == RBINDFAIL
    assert (await dial("another", "guess")).refused == RBINDFAIL  # the address has guessed too often
    assert len(server.behind.verified) == seen
    assert (await dial()).bound
    assert server.listener.counters.bind_failures == {"credentials": FREE_FAILURES + 1, "guesses": 2}


async def test_a_flood_of_binds_is_checked_a_few_at_a_time_and_turned_away_as_guesses(server, dial):
    gateways = await asyncio.gather(*(dial("acme", f"guess{n}") for n in range(30)))
    assert all(gateway.refused in {RINVPASWD, RBINDFAIL} for gateway in gateways)
    assert server.behind.most_verifying <= CHECKS_AT_ONCE
    assert len(server.behind.verified) <= FREE_FAILURES + CHECKS_AT_ONCE


async def test_a_check_that_fails_is_our_fault_and_no_guess(server, dial):
    async def fail(system_id, password):
        raise ConnectionError("no thread left")

    server.behind.verify = fail
    for _ in range(FREE_FAILURES + 2):
        assert (await dial()).refused == RSYSERR


async def test_a_bind_that_is_given_up_is_not_checked(server, dial, poll):
    server.behind.gate.clear()
    waiting = [asyncio.ensure_future(dial()) for _ in range(CHECKS_AT_ONCE)]
    await poll(lambda: server.behind.verifying == CHECKS_AT_ONCE)
    gateway = await dial(bind=False)
    gone = asyncio.ensure_future(gateway.bind("gone"))
    await poll(lambda: server.listener._here.lines()[-1].shell.session.state is SessionState.BINDING_TRX)
    gateway.shell.abort("had enough")
    await poll(lambda: len(server.listener.sessions()) == CHECKS_AT_ONCE)
    server.behind.gate.set()
    await asyncio.gather(*waiting, gone)
    assert "gone" not in server.behind.verified


async def test_connections_above_the_limit_are_turned_away(make_server, dial, poll):
    rig = await make_server(max_sessions=2)
    await dial(rig=rig)
    second = await dial(rig=rig, bind=False)
    third = await dial(rig=rig, bind=False)
    await poll(lambda: third.closed)
    assert not second.closed
    assert rig.listener.counters.turned_away == 1


async def test_one_address_does_not_hold_all_places_without_binding(server, dial, poll):
    gateways = [await dial(bind=False) for _ in range(MAX_UNBOUND_OF_ONE + 1)]
    await poll(lambda: gateways[-1].closed)
    assert not gateways[0].closed


@pytest.mark.parametrize("change", ["gone", "another password"])
async def test_an_account_that_changes_while_it_is_checked_is_what_it_is_now(server, dial, poll, change):
    server.behind.gate.clear()
    dialing = asyncio.ensure_future(dial())
    await poll(lambda: server.behind.verifying)
    _, account = server.behind.accounts["acme"]
    other = msgspec.structs.replace(account, password=account.password.replace("00", "11"))
    server.listener.retune({} if change == "gone" else {"acme": other}, server.listener._settings)
    server.behind.gate.set()
    assert (await dialing).refused == RINVPASWD
    server.listener.retune({"acme": account}, server.listener._settings)
    assert (await dial()).bound
