"""The journal's contract tests, run again and again in one process with one script changed at a time."""

import asyncio
import os
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final, NamedTuple, NoReturn

import pytest
from _pytest.runner import runtestprotocol

from actors.journal import EmbeddedServer, scripts
from actors.journal.server import ask, probe
from tests.mutation import coverage
from tests.mutation.coverage import Traces
from tests.mutation.record import Record
from tests.mutation.rules import Mutant

LIMIT_S: Final = 10.0  # a test under a mutant; more where it takes a third of that by itself
LEARNING_S: Final = 60.0
AGAIN_S: Final = 0.5  # an event loop passes over what is raised in its callbacks: it is raised again until it comes through
LOOK_S: Final = 0.25
BUSY_LOOKS: Final = 6  # so many times in a row a server answers that a script keeps it busy, until that script is ended


class Killed(NamedTuple):
    """The fate of a mutant."""

    mutant: Mutant
    by: str  # the test that noticed, "" when none did
    tests: int  # how many were run


class Stuck(BaseException):
    """A test did not end in time; no ``Exception``, so that nothing on the way takes it for a failure that it expects."""


class Suite:
    """A pytest plugin: tries every mutant on the tests that noticed such before, then on all that run its statement.

    A test that does not run a statement cannot tell it from another one: it is left out. Which tests do is learned when it is first
    asked for. Whoever notices a mutant is run once more without it and once more with it, and counts only if it passes and fails
    again: a test that the machine is too busy for proves nothing.
    """

    def __init__(self, mutants: Sequence[Mutant], record: Record, say: Callable[[str], None], most: int | None) -> None:
        self._mutants = mutants
        self._record = record
        self._most = most  # tests that a mutant has to survive; None: all
        self._say = say
        self.fates: list[Killed] = []
        self.broken: list[str] = []  # tests that fail without any mutant
        self._servers: list[EmbeddedServer] = []
        self._lasting: list[EmbeddedServer] = []
        self._why = ""  # the last test failed
        self._items: dict[str, pytest.Item] = {}  # by file and name
        self._seconds: dict[pytest.Item, float] = {}
        self._runners: defaultdict[tuple[str, int], list[pytest.Item]] = defaultdict(list)  # by file and statement
        self._kills: Counter[tuple[str, str]] = Counter()  # by script and test
        self._ran: Counter[tuple[str, str]] = Counter()  # statements that a test runs, by script ("": of all) and test

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of pytest's own."""
        with self._watched():
            self._items = {_name(item): item for item in session.items}
            self._open()
            for at, mutant in enumerate(self._mutants, 1):
                fate = self._try(mutant)
                if self.broken:
                    break
                self.fates.append(fate)
                self._say(f"{at}/{len(self._mutants)} {mutant.script}:{mutant.line} {mutant.rule}: {fate.by or 'SURVIVES'}")
            self._end(session.items)
        return True

    def _open(self) -> None:
        """Start the servers that are for all tests: by a test for each kind of them."""
        for kind in ("valkey", "pair", "redis"):
            item = next((item for name, item in self._items.items() if f"[{kind}" in name), None)
            if item is not None:
                self._run(item, LEARNING_S)
        self._lasting = [server for server in self._servers if server.running()]
        self._write_through("no")  # the disk has nothing to prove here

    def _write_through(self, when: str) -> None:
        for server in self._lasting:
            ask(server.socket_path, f"CONFIG SET appendfsync {when}")

    # -- which test runs what
    def _learn(self) -> None:
        traces = Traces()
        self._write_through("always")  # all is as the tests find it by themselves
        with read_by(coverage.reading):
            for item in self._items.values():
                failed, seconds = self._run(item, LEARNING_S)
                if failed and all(self._run(item, LEARNING_S)[0] for _ in range(2)):  # a machine may have been too busy for it
                    self.broken.append(f"{item.nodeid}: {self._why}")
                self._seconds[item] = seconds
                for place in traces.new([server.folder / "server.log" for server in self._servers]):
                    self._runners[place].append(item)
                    self._ran[place[0], item.nodeid] += 1
                    self._ran["", item.nodeid] += 1
        self._write_through("no")

    def _runners_of(self, mutant: Mutant) -> Iterator[pytest.Item]:
        """Who is to try a mutant: the likely ones by the record, then all that run its statement."""
        likely = [self._items[name] for name in self._record.likely(mutant) if name in self._items]
        yield from likely
        if not self._seconds:
            self._learn()
        if self.broken:
            return
        runners = self._runners[mutant.script, mutant.statement]
        yield from sorted(set(runners).difference(likely), key=lambda item: self._order(mutant, item))

    def _order(self, mutant: Mutant, item: pytest.Item) -> tuple[float | str, ...]:
        """Those that noticed others of its script first, then the quick ones. What a test does on a pair of servers it mostly does on one."""
        mine, every = self._ran[mutant.script, item.nodeid], self._ran["", item.nodeid]
        noticed = self._kills[mutant.script, item.nodeid]
        return not noticed and "[pair" in item.nodeid, -noticed, -round(10 * mine / every), self._seconds[item], item.nodeid

    # -- mutants
    def _try(self, mutant: Mutant) -> Killed:
        at = 0
        for at, item in enumerate(islice(self._runners_of(mutant), self._most), 1):
            limit_s = max(LIMIT_S, 3 * self._seconds.get(item, 0))
            if self._fails(mutant, item, limit_s) and not self._run(item, limit_s)[0] and self._fails(mutant, item, limit_s):
                self._kills[mutant.script, item.nodeid] += 1
                return Killed(mutant, _name(item), at)
        return Killed(mutant, "", at)

    def _fails(self, mutant: Mutant, item: pytest.Item, limit_s: float) -> bool:
        with read_by(lambda name: changed(mutant, name)):
            failed, _ = self._run(item, limit_s)
        self._revive()
        return failed

    def _run(self, item: Any, limit_s: float) -> tuple[bool, float]:
        """Whether a test failed, and how long it took. Fixtures of the session stay."""
        item._initrequest()  # fixtures of its own anew
        began_s = time.monotonic()
        with limited(limit_s):
            try:
                reports = runtestprotocol(item, log=False, nextitem=item.session)  # what comes next is in the session: it goes on
            except Stuck:
                signal.setitimer(signal.ITIMER_REAL, 0)
                item.session._setupstate.teardown_exact(item.session)
                self._why = "it did not end in time"
                return True, time.monotonic() - began_s
        failed = [report for report in reports if report.failed]
        self._why = failed[0].longreprtext.strip().rpartition("\n")[2] if failed else ""
        return bool(failed), time.monotonic() - began_s

    @staticmethod
    def _end(items: Sequence[pytest.Item]) -> None:
        items[0].session._setupstate.teardown_exact(None)

    # -- servers
    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Know of every server that a test starts, and end scripts that do not end by themselves."""
        original = EmbeddedServer._start
        servers, done = self._servers, threading.Event()

        async def starting(server: EmbeddedServer) -> bool:
            began = await original(server)
            ask(server.socket_path, "CONFIG SET busy-reply-threshold 300")
            if all(known.folder != server.folder for known in servers):
                servers.append(server)
            return began

        EmbeddedServer._start = starting  # type: ignore[method-assign, assignment]  # put back below
        watcher = threading.Thread(target=self._watch, args=(done,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            EmbeddedServer._start = original  # type: ignore[method-assign]

    def _watch(self, done: threading.Event) -> None:
        busy: Counter[int] = Counter()
        while not done.wait(LOOK_S):
            for at, server in enumerate(list(self._servers)):
                if probe(server.socket_path) != "BUSY":
                    busy[at] = 0
                    continue
                busy[at] += 1
                if busy[at] >= BUSY_LOOKS and ask(server.socket_path, "SCRIPT KILL").startswith("-UNKILLABLE"):
                    self._kill(server)

    @staticmethod
    def _kill(server: EmbeddedServer) -> None:
        pid = server.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def _revive(self) -> None:
        """Start those servers again that are for all tests and had to be killed."""
        for server in self._lasting:
            if not server.running():
                asyncio.run(server.start())


def _name(item: pytest.Item) -> str:
    """A test by its file and name."""
    return item.nodeid.rpartition("/")[2]


def changed(mutant: Mutant, name: str) -> str:
    """A script's file as it is under a mutant."""
    source = coverage.ORIGINAL(name)
    return mutant.apply(source) if name == mutant.script else source


@contextmanager
def read_by(reader: Callable[[str], str]) -> Iterator[None]:
    """Have the journal read its scripts in another way."""
    scripts._read = reader  # type: ignore[assignment]  # put back below
    scripts.load.cache_clear()
    try:
        yield
    finally:
        scripts._read = coverage.ORIGINAL
        scripts.load.cache_clear()


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """``Stuck`` is raised in what takes longer."""

    def stop(*_: object) -> NoReturn:
        raise Stuck

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
