"""Any octets, and valid conversations with some octets changed, against both roles of a session."""

from hypothesis import given, settings
from hypothesis import strategies as st

flags = st.integers(0, 31)
changes = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6)


@settings(max_examples=400, deadline=None)
@given(flags=flags, chunk=st.integers(0, 7), rest=st.binary(max_size=600))
def test_any_octets_are_a_conversation(fuzz, flags, chunk, rest):
    fuzz.talk(bytes((flags, chunk)) + rest)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), more=flags, chunk=st.integers(0, 7), changes=changes, cut=st.integers(0, 1 << 16), twice=st.booleans())
def test_changed_conversations_are_conversations(fuzz, data, more, chunk, changes, cut, twice):
    seed = data.draw(st.sampled_from(fuzz.seeds()))
    octets = bytearray(seed[2:])
    if twice:
        octets *= 2
    for at, octet in changes:
        octets[at % len(octets)] = octet
    del octets[len(octets) - cut % (len(octets) // 2) :]
    fuzz.talk(bytes((seed[0] ^ (more & (fuzz.SLOW | fuzz.TIMED)), chunk)) + bytes(octets))


def test_what_makes_sense_is_taken_as_such(fuzz):
    """So that the others do not test how garbage is thrown away and nothing else."""
    for seed in fuzz.seeds():
        talker = fuzz._Talker(fuzz.Side.SMSC if seed[0] & fuzz.SMSC else fuzz.Side.ESME, bound=True, slow=False)
        talker.hear(fuzz._framed(seed[2:]) if seed[0] & fuzz.FRAMED else seed[2:])
        assert talker.session.counters.malformed == talker.session.counters.framing_lost == 0
        assert talker.session.counters.wrong_state == talker.session.counters.unknown == 0
        assert talker.session.unbound or talker.session.bound
