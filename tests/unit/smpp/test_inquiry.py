"""Which submits are asked about, when and how often."""

from math import inf

from carriers.smpp import inquiry
from carriers.smpp.inquiry import PRESSED_S, TIMES, Inquiry, Question


def question(name):
    return Question(name.lower(), name, "BANK")


def names(questions):
    return [one.carrier_id for one in questions]


def test_nothing_is_asked_before_its_time_and_the_oldest_first():
    book = Inquiry(60.0)
    assert book.next_due_s() == inf
    book.submitted(question("A"), 0.0)
    book.submitted(question("B"), 10.0)
    assert book.next_due_s() == 60.0
    assert book.due(59.9, 10) == []
    assert names(book.due(70.0, 1)) == ["a"]
    assert names(book.due(70.0, 10)) == ["b"]
    assert (len(book), book.open) == (0, 2)


def test_a_receipt_settles_it():
    book = Inquiry(60.0)
    book.submitted(question("A"), 0.0)
    book.settled("a")
    book.settled("never heard of")
    assert (len(book), book.next_due_s()) == (0, inf)
    book.submitted(question("B"), 0.0)
    (asked,) = book.due(60.0, 1)
    book.settled("b")  # its receipt comes while the answer is under way
    book.again(asked, 61.0)
    assert (len(book), book.open, book.next_due_s()) == (0, 0, inf)


def test_it_is_asked_again_with_doubling_pauses_and_not_for_ever():
    book = Inquiry(60.0)
    book.submitted(question("A"), 0.0)
    now_s, pauses = 0.0, []
    while book.next_due_s() < inf:
        due_s = book.next_due_s()
        pauses.append(due_s - now_s)
        now_s = due_s
        (asked,) = book.due(now_s, 10)
        book.again(asked, now_s)
    assert pauses == [60.0 * 2**n for n in range(TIMES)]
    assert (len(book), book.open) == (0, 0)


def test_what_an_unknown_message_hangs_on_goes_first():
    book = Inquiry(60.0)
    book.submitted(question("A"), 0.0)
    book.submitted(question("B"), 1.0)
    job = object()
    book.urge("b", job)
    book.urge("never accepted", job)
    assert book.next_due_s(urgent_only=True) == -inf
    (first,) = book.due(100.0, 10, urgent_only=True)
    assert (first.carrier_id, first.job) == ("b", job)
    assert book.next_due_s(urgent_only=True) == inf
    assert names(book.due(100.0, 10)) == ["a"]


def test_while_a_message_is_unknown_it_is_asked_more_often():
    book = Inquiry(600.0)
    book.submitted(question("A"), 0.0)
    book.urge("a", object())
    asked_s, now_s = [], 5.0
    while book.next_due_s(urgent_only=True) < inf:
        now_s = max(now_s, book.next_due_s(urgent_only=True))
        (asked,) = book.due(now_s, 10, urgent_only=True)
        asked_s.append(now_s)
        book.again(asked, now_s)
    assert asked_s == [5.0 + PRESSED_S * n for n in range(TIMES)]
    assert len(book) == 0


def test_what_is_being_asked_when_its_message_becomes_unknown():
    book = Inquiry(60.0)
    book.submitted(question("A"), 0.0)
    (asked,) = book.due(60.0, 1)
    job = object()
    book.urge("a", job)
    assert asked.job is job
    book.again(asked, 61.0)
    assert book.next_due_s(urgent_only=True) == 61.0 + PRESSED_S


def test_an_answer_without_an_id_cannot_be_asked_about():
    book = Inquiry(60.0)
    book.submitted(question(""), 0.0)
    assert len(book) == 0


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(inquiry, "KNOWN_LIMIT", 3)
    book = Inquiry(60.0)
    for n in range(5):
        book.submitted(question(f"N{n}"), float(n))
    assert (len(book), book.dropped) == (3, 2)
    book.settled("n0")
    book.submitted(question("again"), 9.0)
    assert names(book.due(100.0, 10)) == ["n1", "n2", "again"]


def test_an_id_given_twice_is_one_question():
    book = Inquiry(60.0)
    book.submitted(question("A"), 0.0)
    book.submitted(question("B"), 1.0)
    book.submitted(question("A"), 5.0)
    assert len(book) == 2
    assert book.next_due_s() == 61.0
    assert names(book.due(100.0, 10)) == ["b", "a"]


def test_a_carrier_that_cannot_be_asked_is_forgotten():
    book = Inquiry(60.0)
    book.submitted(question("A"), 0.0)
    book.submitted(question("B"), 0.0)
    book.urge("b", object())
    (asked,) = book.due(0.0, 1)
    book.clear()
    book.again(asked, 1.0)
    assert (len(book), book.open, book.next_due_s()) == (0, 0, inf)
