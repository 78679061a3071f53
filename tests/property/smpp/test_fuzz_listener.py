"""Any octets through the whole server, sockets apart: an answer or a clean end, nothing kept, nothing raised."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.smpp import commands as c
from carriers.smpp.operations import Bind, pack_bind
from carriers.smpp.pdu import Framer, pack_pdu

MODES = (c.BIND_RECEIVER, c.BIND_TRANSMITTER, c.BIND_TRANSCEIVER)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_a_peer_says_the_server_lives_and_ends_every_line(make_world, fuzz, data):
    seed = st.sampled_from([fuzz._framed(seed[2:]) if seed[0] & fuzz.FRAMED else seed[2:] for seed in fuzz.seeds()])
    speech = data.draw(
        st.lists(
            st.one_of(
                st.binary(max_size=80), seed, st.builds(pack_pdu, st.sampled_from(fuzz.COMMANDS), st.just(0), st.integers(0, 9))
            ),
            max_size=6,
        )
    )
    password = data.draw(st.sampled_from(("secret", "secret", "guess")))
    mode = data.draw(st.sampled_from(MODES))
    size = data.draw(st.sampled_from((1, 7, 100, 100_000)))
    asyncio.run(_speak(make_world, b"".join(speech), password, mode, size))


async def _speak(make_world, octets, password, mode, size):
    errors = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    world = make_world(window=3)
    world.queue = list(range(10))
    wire = world.connect()
    wire.protocol.data_received(pack_pdu(mode, 0, 1, pack_bind(Bind("acme", password))))
    for _ in range(5):
        await asyncio.sleep(0)
    for start in range(0, len(octets), size):
        if wire.closing:
            break
        wire.protocol.data_received(octets[start : start + size])
        world.answer(1)
    await asyncio.sleep(0)
    framer = Framer()
    framer.feed(wire.taken())
    assert framer.lost is None
    assert not framer.unfinished
    world.pass_time(1_000, [wire])  # asked whether it is there …
    world.pass_time(1_000, [wire])  # … it does not answer
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wire.closing
    assert world.listener.sessions() == []
    assert world.listener.bound() == {}
    world.answer(1_000)
    assert not world.under_way
    assert len(world.queue) + len(world.ended) == 10
    assert errors == []
    await world.listener.close(0)
