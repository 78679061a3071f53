"""Webhooks that go out together on one connection: each gets its own answer, and none is lost when the connection ends."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Self

import pytest

from carriers.webhook import WebhookSender
from router.webhooks import WebhookAnswer

DEADLINE_S = 10.0
REQUEST = re.compile(rb"POST /(\w+) HTTP/1\.1\r\n.*?\r\n\r\n{}", re.DOTALL)
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Server:
    """Speaks as it is told: ``answer`` gives the octets for a whole read, by its requests' paths; None ends the connection."""

    def __init__(self, answer: Callable[[list[str]], bytes | None]) -> None:
        self.answer = answer
        self.reads: list[list[str]] = []  # the requests of each, in order
        self.connections = self.ended = 0
        self.piece = 1_000_000  # octets of an answer that leave together
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while data := await reader.read(1_000_000):
                paths = [path.decode() for path in REQUEST.findall(data)]
                self.reads.append(paths)
                said = self.answer(paths)
                if said is None:
                    return
                for at in range(0, len(said), self.piece):
                    writer.write(said[at : at + self.piece])
                    await asyncio.sleep(0)
        except ConnectionError:
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self.ended += 1

    @property
    def seen(self) -> list[str]:
        return [path for paths in self.reads for path in paths]


@asynccontextmanager
async def serving(answer: Callable[[list[str]], bytes | None]) -> AsyncIterator[Server]:
    made = Server(answer)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made
        await until(lambda: made.ended == made.connections)


async def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.001)


class Post:
    """Posts, and what was told of each."""

    def __init__(self, server: Server, **options: object) -> None:
        self.sender = WebhookSender(allow_hosts=["127.0.0.1"], **options)
        self._server = server
        self.told: dict[str, WebhookAnswer] = {}

    async def __aenter__(self) -> Self:
        await self.post("first")  # so that a connection is kept
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.sender.close()

    async def post(self, *paths: str, together: int = 16) -> None:
        for path in paths:

            def told(answer: WebhookAnswer, path: str = path) -> None:
                assert path not in self.told, "told once"
                self.told[path] = answer

            self.sender.post(f"{self._server.url}/{path}", {}, b"{}", told, together=together)
        await until(lambda: self.told.keys() >= set(paths))

    def statuses(self, *paths: str) -> list[int]:
        return [self.told[path].status for path in paths]


def each(status: bytes = b"200 OK") -> Callable[[list[str]], bytes]:
    return lambda paths: b"".join(b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\nok" % status for _ in paths)


def named(paths: list[str]) -> bytes:
    """The answer that a path asks for: s503 is 503."""
    return b"".join(
        b"HTTP/1.1 %b X\r\nContent-Length: 0\r\n\r\n" % (path[1:4].encode() if path[1:4].isdigit() else b"200") for path in paths
    )


async def test_they_go_out_in_one_write_and_each_has_its_own_answer():
    async with serving(named) as server, Post(server) as post:
        paths = ["s200", "s503a", "s204", "s410"]
        await post.post(*paths)
        assert server.reads == [["first"], paths]
        assert post.statuses(*paths) == [200, 503, 204, 410]
        assert server.connections == 1


async def test_no_more_of_them_than_the_endpoint_takes():
    async with serving(each()) as server, Post(server) as post:
        await post.post(*"abcde", together=2)
        assert sorted(server.seen[1:]) == list("abcde")
        assert max(map(len, server.reads)) == 2


async def test_who_asks_for_none_goes_alone():
    async with serving(each()) as server, Post(server) as post:
        await post.post("a", "b", "c", together=1)
        assert all(len(paths) == 1 for paths in server.reads)


async def test_what_comes_while_others_are_under_way_does_not_follow_on_their_connection():
    held: list[str] = []

    def answer(paths: list[str]) -> bytes:
        held.extend(paths)
        return b"" if "slow" in paths else each()(paths)

    async with serving(answer) as server, Post(server) as post:
        posting = asyncio.create_task(post.post("slow"))
        await until(lambda: "slow" in held)
        await post.post("quick")
        posting.cancel()
        assert server.connections == 2


async def test_those_that_a_closing_endpoint_did_not_answer_go_out_once_more():
    def answer(paths: list[str]) -> bytes:
        if len(paths) > 1:  # answers the first, and says that it is the last
            return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        return NO_CONTENT

    async with serving(answer) as server, Post(server) as post:
        await post.post("a", "b", "c")
        assert post.statuses("a", "b", "c") == [200, 204, 204]
        assert sorted(server.seen) == ["a", "b", "b", "c", "c", "first"]


async def test_an_endpoint_that_answers_only_the_first_and_cuts_gets_the_others_once_more():
    async with serving(lambda paths: None if len(paths) > 1 else NO_CONTENT) as server, Post(server) as post:
        await post.post("a", "b")
        assert post.statuses("a", "b") == [204, 204]
        assert sorted(server.seen) == ["a", "a", "b", "b", "first"]


async def test_a_late_one_is_told_so_and_the_others_on_its_connection_go_out_once_more():
    def answer(paths: list[str]) -> bytes:
        return b"" if len(paths) > 1 or paths == ["b"] else NO_CONTENT  # never more than one at a time, and never b

    async with serving(answer) as server, Post(server, timeout_s=0.3) as post:
        posting = asyncio.create_task(post.post("a", "b"))
        await posting
        assert post.statuses("b") == [0]
        assert "no answer" in post.told["b"].error
        assert server.seen.count("b") <= 2


@pytest.mark.parametrize("octets", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nnot HTTP\r\n\r\n", b"not HTTP at all\r\n\r\n"])
async def test_an_answer_that_cannot_be_read_costs_no_other(octets):
    async with serving(lambda paths: octets if len(paths) > 1 else NO_CONTENT) as server, Post(server) as post:
        await post.post("a", "b", "c")
        assert post.statuses("b", "c") == [204, 204]
        assert post.told["a"].status in (0, 200)
        assert server.seen.count("a") == 1


async def test_an_answer_too_many_costs_the_connection():
    async with serving(lambda paths: NO_CONTENT * (len(paths) + (len(paths) > 1))) as server, Post(server) as post:
        await post.post("a", "b")
        assert post.statuses("a", "b") == [204, 204]
        await post.post("c")
        assert server.connections == 2


async def test_answers_may_come_in_any_pieces():
    whole = b"".join(b"HTTP/1.1 503 X\r\nContent-Length: 5\r\nRetry-After: %d\r\n\r\nhello" % (60 * n) for n in (1, 2, 3))
    for size in (1, 7, 20):
        async with serving(lambda paths: whole if len(paths) > 1 else NO_CONTENT) as server, Post(server) as post:
            server.piece = size
            await post.post("a", "b", "c")
            assert [post.told[path].retry_after_s for path in "abc"] == [60, 120, 180]


async def test_closing_tells_each_of_them_once():
    async with serving(lambda paths: NO_CONTENT if paths == ["first"] else b"") as server:
        async with Post(server) as post:
            posting = asyncio.create_task(post.post("a", "b", "c"))
            await until(lambda: len(server.seen) == 4)
        await posting
        assert all("closed" in post.told[path].error for path in "abc")
