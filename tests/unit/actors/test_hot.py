"""Where a dispatcher looks for messages."""

from actors.hot import EACH, SPARE, Hot
from router.model import MessageClass

OTP, TRANSACTIONAL, MARKETING = MessageClass
ALL = range(64)
CODES = {OTP: 96}
EVERY = {OTP: 96, TRANSACTIONAL: 86, MARKETING: 97}
CAMPAIGN = {MARKETING: 97}
TURN = -(-97 // EACH) + SPARE


def busy(hot: Hot) -> bool:
    return any(map(hot.has, MessageClass))


def test_what_was_named_is_visited_once():
    hot = Hot()
    assert not busy(hot)
    hot.heat([5, 3])
    hot.heat((5,))
    assert busy(hot)
    assert hot.take(EVERY, ALL) == [3, 5]
    assert not busy(hot)
    assert hot.take(EVERY, ALL) == []


def test_what_is_anothers_is_not_visited():
    hot = Hot()
    hot.heat([1, 2])
    assert hot.take(EVERY, [2, 3]) == [2]


def test_who_was_not_asked_for_others_is_asked_for_them_later():
    hot = Hot()
    hot.heat([1, 2])
    assert hot.take(CODES, ALL) == [1, 2]
    assert hot.take(CODES, ALL) == []
    assert busy(hot), "nobody has looked for others"
    assert hot.take(EVERY, ALL) == [1, 2]
    assert not busy(hot)


def test_a_campaign_that_is_not_wanted_now_stays_hot():
    hot = Hot()
    hot.heat(ALL)
    hot.take(EVERY, ALL)
    hot.keep(EVERY, {OTP: 1, MARKETING: 97}, set(ALL))
    for _ in range(10):
        hot.take({OTP: 96, TRANSACTIONAL: 86}, ALL)
        hot.keep({OTP: 96, TRANSACTIONAL: 86}, {OTP: 1}, set())
    assert busy(hot)
    assert hot.take(CAMPAIGN, ALL) == list(range(TURN))


def test_partitions_that_have_more_take_turns():
    hot = Hot()
    hot.keep(CAMPAIGN, CAMPAIGN, set(ALL))
    seen = []
    for _ in range(64):
        turn = hot.take(CAMPAIGN, ALL)
        assert len(turn) == TURN
        seen += turn
        hot.keep(CAMPAIGN, CAMPAIGN, set(turn))
    assert sorted(set(seen[: 64 + TURN])) == list(ALL)
    assert max(map(seen.count, ALL)) - min(map(seen.count, ALL)) <= 4


def test_news_go_before_turns():
    hot = Hot()
    hot.keep(CAMPAIGN, CAMPAIGN, set(range(40)))
    hot.heat([63])
    turn = hot.take(EVERY, ALL)
    assert 63 in turn
    assert len(turn) == TURN + 1
    assert hot.take(EVERY, ALL) == list(range(TURN, 2 * TURN))


def test_a_code_beside_a_campaign_is_looked_for_where_it_was_named():
    hot = Hot()
    hot.keep(CAMPAIGN, CAMPAIGN, set(ALL))
    hot.heat([7])
    assert hot.take(CODES, ALL) == [7]
    hot.keep(CODES, CODES, {7})
    assert hot.take(CODES, ALL) == [7], "there were more of them than wanted"
    assert hot.take(CODES, ALL) == []


def test_what_is_left_is_of_a_class_that_was_more_than_wanted_or_of_the_last():
    hot = Hot()
    hot.keep(EVERY, {OTP: 3, TRANSACTIONAL: 86, MARKETING: 2}, {5})
    assert [hot.has(klass) for klass in MessageClass] == [False, True, True]
    cancelled = Hot()
    cancelled.keep({OTP: 96, TRANSACTIONAL: 86}, {}, {5})
    assert [cancelled.has(klass) for klass in MessageClass] == [False, True, False]
