"""The connection that a process's calls to a server share, against servers of every temper."""

import asyncio

import pytest
from redis import exceptions

from actors.journal.conduit import conduit_of
from actors.journal.link import Link
from router.journal.port import JournalUnavailable
from tests.listening import listening

DEADLINE_S = 20.0


def conduit_at(port, *, auth="", path="", answer_timeout_s=DEADLINE_S):
    made = conduit_of(f"redis://{auth}127.0.0.1:{port}{path}", answer_timeout_s=answer_timeout_s, connect_timeout_s=DEADLINE_S)
    assert made is not None
    return made


async def words_of(reader):
    """One command as a server reads it."""
    count = int((await reader.readuntil(b"\r\n"))[1:])
    words = []
    for _ in range(count):
        size = int((await reader.readuntil(b"\r\n"))[1:])
        words.append((await reader.readexactly(size + 2))[:-2])
    return words


def echoing(seen, answer=lambda words: b"$%d\r\n%b\r\n" % (len(words[-1]), words[-1])):
    async def serve(reader, writer):
        seen.append([])
        mine = seen[-1]
        while not reader.at_eof():
            words = await words_of(reader)
            mine.append(words)
            told = answer(words)
            if told is None:
                return
            writer.write(told)

    return serve


@pytest.mark.parametrize("url", ["rediss://h", "sentinel://h/s", "redis://h?socket_timeout=1", "redis://h?protocol=3"])
def test_where_only_redis_py_knows_the_way_there_is_none(url):
    assert conduit_of(url, answer_timeout_s=1, connect_timeout_s=1) is None


async def test_calls_share_a_connection_and_each_gets_its_own_answer():
    seen = []
    async with listening(echoing(seen)) as port, asyncio.timeout(DEADLINE_S):
        conduit = conduit_at(port)
        assert await asyncio.gather(*(conduit.call("ECHO", str(n)) for n in range(50))) == [b"%d" % n for n in range(50)]
        assert await conduit.calls([("ECHO", b"\x00\r\n"), ("ECHO", 7)]) == [b"\x00\r\n", b"7"]
        conduit.close()
    assert [len(words) for words in seen] == [52]


async def test_a_caller_that_goes_away_leaves_the_others_their_answers():
    gate = asyncio.Event()

    async def serve(reader, writer):
        for _ in range(3):
            words = await words_of(reader)
            await gate.wait()
            writer.write(b"+%b\r\n" % words[-1])
        await reader.read()

    async with listening(serve) as port, asyncio.timeout(DEADLINE_S):
        conduit = conduit_at(port)
        calls = [asyncio.create_task(conduit.call("ECHO", str(n))) for n in range(3)]
        while conduit._line is None or len(conduit._line._waiting) < 3:
            await asyncio.sleep(0.001)
        calls[1].cancel()
        gate.set()
        assert await calls[0] == b"0"
        assert await calls[2] == b"2"
        assert calls[1].cancelled()
        conduit.close()


async def test_it_introduces_itself_first():
    seen = []
    async with listening(echoing(seen, lambda _: b"+OK\r\n")) as port, asyncio.timeout(DEADLINE_S):
        conduit = conduit_at(port, auth="me:secret@", path="/3")
        await conduit.call("PING")
        conduit.close()
        conduit = conduit_at(port, auth=":secret@")
        await conduit.call("PING")
        conduit.close()
    assert seen == [[[b"AUTH", b"me", b"secret"], [b"SELECT", b"3"], [b"PING"]], [[b"AUTH", b"secret"], [b"PING"]]]


async def test_a_wrong_password_is_a_server_that_cannot_say():
    answer = lambda _: b"-WRONGPASS invalid username-password pair\r\n"  # noqa: E731 (an answer)
    async with listening(echoing([], answer)) as port, asyncio.timeout(DEADLINE_S):
        with pytest.raises(exceptions.AuthenticationError):
            await conduit_at(port, auth=":wrong@").call("PING")
        with pytest.raises(JournalUnavailable):
            await Link(f"redis://:wrong@127.0.0.1:{port}").command("PING")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"-NOSCRIPT No matching script\r\n", exceptions.NoScriptError),
        (b"-OOM command not allowed\r\n", exceptions.OutOfMemoryError),
        (b"-LOADING it loads\r\n", exceptions.BusyLoadingError),
        (b"-MISCONF no disk\r\n", exceptions.ResponseError),
        (b"-ERR anything\r\n", exceptions.ResponseError),
    ],
)
async def test_errors_are_those_of_redis_py_and_cost_no_connection(said, error):
    seen = []
    async with listening(echoing(seen, lambda words: said if words[0] == b"BAD" else b"+OK\r\n")) as port:
        conduit = conduit_at(port)
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(error):
                await conduit.call("BAD")
            with pytest.raises(error):
                await conduit.calls([("GOOD",), ("BAD",), ("GOOD",)])
            assert await conduit.call("GOOD") == b"OK"
        conduit.close()
    assert len(seen) == 1


async def test_an_end_is_told_to_all_who_wait_and_the_next_call_begins_anew():
    seen = []
    async with listening(echoing(seen, lambda words: None if words[0] == b"END" else b"+OK\r\n")) as port:
        conduit = conduit_at(port)
        async with asyncio.timeout(DEADLINE_S):
            told = await asyncio.gather(*(conduit.call(word) for word in ("GO", "END", "LOST")), return_exceptions=True)
            assert told[0] == b"OK"
            assert all(isinstance(one, exceptions.ConnectionError) for one in told[1:])
            assert await conduit.call("GO") == b"OK"
        conduit.close()
    assert len(seen) == 2


async def test_a_server_that_does_not_answer_costs_the_timeout_and_the_connection():
    seen = []
    async with listening(echoing(seen, lambda words: b"" if words[0] == b"HANG" else b"+OK\r\n")) as port:
        conduit = conduit_at(port, answer_timeout_s=0.2)
        async with asyncio.timeout(DEADLINE_S):
            assert await conduit.call("GO") == b"OK"
            with pytest.raises(exceptions.TimeoutError):
                await conduit.call("HANG")
            assert await conduit.call("GO") == b"OK"
        conduit.close()
    assert len(seen) == 2, "what comes late must not be taken for the next answer"


@pytest.mark.parametrize("said", [b"?\r\n", b"+OK\r\n+OK\r\n"])
async def test_answers_that_make_no_sense_end_the_connection(said):
    async with listening(echoing([], lambda _: said)) as port, asyncio.timeout(DEADLINE_S):
        conduit = conduit_at(port)
        told = await asyncio.gather(conduit.call("GO"), return_exceptions=True)
        assert told == [b"OK"] or isinstance(told[0], exceptions.ConnectionError)
        while conduit._line is not None and conduit._line.open:
            await asyncio.sleep(0.001)
        conduit.close()


async def test_nobody_there_is_a_connection_error():
    async with listening(echoing([])) as port:
        pass
    with pytest.raises(exceptions.ConnectionError):
        await conduit_at(port).call("PING")
    with pytest.raises(JournalUnavailable):
        await Link("unix:///nowhere/at.all").command("PING")


# -- what is published ------------------------------------------------------------------------------------------------


def message(channel, payload):
    return b"*3\r\n$7\r\nmessage\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(channel), channel, len(payload), payload)


SUBSCRIBED = b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"


async def test_an_ear_hears_all_that_is_published_until_the_end():
    told = iter([b"+OK\r\n", SUBSCRIBED + message(b"a", b"1") + message(b"a", b"2")[:9]])
    more = asyncio.Event()

    async def serve(reader, writer):
        for _ in range(2):
            await words_of(reader)
            writer.write(next(told))
        await more.wait()
        writer.write(message(b"a", b"2")[9:])

    async with listening(serve) as port, asyncio.timeout(DEADLINE_S):
        ear = await conduit_at(port, auth=":secret@").hear("a")
        assert await ear.calls(DEADLINE_S) == [("a", "1")]
        more.set()
        assert await ear.calls(DEADLINE_S) == [("a", "2")]
        with pytest.raises(exceptions.ConnectionError):
            await ear.calls(DEADLINE_S)


async def listen(ear):
    while True:
        assert await ear.calls(0.05) == []


async def test_a_quiet_line_is_asked_and_given_up_when_it_is_dead():
    asked = []
    lives = True

    async def serve(reader, writer):
        await words_of(reader)
        writer.write(SUBSCRIBED)
        while True:
            asked.append(await words_of(reader))
            if lives:
                writer.write(b"*2\r\n$4\r\npong\r\n$0\r\n\r\n")

    async with listening(serve) as port, asyncio.timeout(DEADLINE_S):
        ear = await conduit_at(port).hear("a")
        while len(asked) < 3:
            assert await ear.calls(0.05) == []
        lives = False
        with pytest.raises(exceptions.TimeoutError):
            await listen(ear)
    assert {tuple(words) for words in asked} == {(b"PING",)}


async def test_an_ear_is_told_what_is_said_against_it():
    async def serve(reader, writer):
        await words_of(reader)
        writer.write(b"-LOADING it loads\r\n")
        await reader.read()

    async with listening(serve) as port, asyncio.timeout(DEADLINE_S):
        ear = await conduit_at(port).hear("a")
        with pytest.raises(exceptions.BusyLoadingError):
            await ear.calls(DEADLINE_S)
