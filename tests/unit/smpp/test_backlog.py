"""What waits inside a link, and what waits aside for a recipient."""

from math import inf

from carriers.port import Outgoing
from carriers.smpp import backlog
from carriers.smpp.backlog import Backlog
from carriers.smpp.jobs import Job
from router.ids import make_id
from router.model import MessageClass
from router.record import Body


def job(number, patience_s=100.0, begun=False):
    body = Body(
        tenant="t", to="447700900123", sender="BANK", text="x", klass=1, created_ms=0, expires_ms=1, encoding="gsm7", segments=1,
        country="GB", network="",
    )  # fmt: skip
    made = Job(Outgoing(make_id(number, 0, bytes(10)), 1, MessageClass.TRANSACTIONAL, body), number, patience_s)
    if begun:
        made.begin((b"part",))
    return made


def taken(line, number):
    """The queue's first, as it is taken to be written."""
    found = line.queue.popleft()
    assert found.number == number
    return found


def numbers(jobs):
    return [one.number for one in jobs]


def test_what_is_parked_stops_nobody_and_comes_back_in_order():
    line = Backlog()
    for number in range(1, 6):
        line.add([job(number)])
    assert line.park(taken(line, 1), 20.0)
    assert line.park(taken(line, 2), 10.0)
    assert line.park(taken(line, 3), 10.0)
    assert (line.waiting, len(line), line.opens_s) == (2, 5, 10.0)
    line.unpark(9.9)
    assert numbers(line.queue) == [4, 5]
    line.unpark(10.0)
    assert (numbers(line.queue), line.waiting) == ([2, 3, 4, 5], 4)
    line.unpark(30.0)
    assert (numbers(line.queue), line.waiting, line.opens_s) == ([1, 2, 3, 4, 5], 5, inf)


def test_a_begun_one_comes_back_to_those_that_are_begun():
    line = Backlog()
    for number in (3, 1):
        line.again(job(number, begun=True), 1)
    first = line.front.pop(0)
    first.queued = False
    assert line.park(first, 10.0)
    line.unpark(10.0)
    assert (numbers(line.front), line.waiting) == ([1, 3], 2)


def test_patience_ends_for_what_is_parked():
    line = Backlog()
    for number, patience_s in ((1, 5.0), (2, 50.0)):
        line.add([job(number, patience_s)])
        line.park(taken(line, number), 60.0)
    assert line.patience_s == 5.0
    over = line.impatient(6.0)
    assert (numbers(over), line.waiting, len(line), line.patience_s) == ([1], 1, 1, 50.0)
    line.drop(over[0])
    assert line.waiting == 0
    assert numbers(line.impatient(inf)) == [2]


def test_what_is_dropped_while_it_is_parked_is_gone():
    line = Backlog()
    one = job(1, begun=True)
    line.again(one, 1)
    line.front.clear()
    one.queued = False
    line.park(one, 10.0)
    line.drop(one)
    assert (line.waiting, len(line)) == (0, 0)
    line.unpark(10.0)
    assert (line.waiting, list(line.queue), line.front) == (0, [], [])


def test_another_segment_of_a_parked_one_waits_with_it():
    line = Backlog()
    one = job(1)
    one.begin((b"a", b"b"))
    one.left = 0
    for index in (1, 0):
        one.give_back_segment(index)
        line.again(one, 1)
        assert line.park(one, 10.0)
    line.front = [queued for queued in line.front if not queued.parked]
    one.queued = False
    assert line.waiting == 0
    line.unpark(10.0)
    assert (line.waiting, one.repeat, numbers(line.front)) == (2, [0, 1], [1])


def test_only_so_many_are_parked(monkeypatch):
    monkeypatch.setattr(backlog, "PARKED_LIMIT", 2)
    line = Backlog()
    jobs = [job(number) for number in range(3)]
    for one in jobs:
        line.add([one])
    assert [line.park(line.queue.popleft(), 10.0) for _ in range(3)] == [True, True, False]
    assert not jobs[2].parked
