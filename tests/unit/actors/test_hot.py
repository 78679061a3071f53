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


def test_news_go_with_turns_and_after_them():
    hot = Hot()
    hot.keep(CAMPAIGN, CAMPAIGN, set(range(40)))
    hot.heat([63, 0])
    assert hot.take(EVERY, ALL) == [*range(TURN), 63]
    hot.keep(EVERY, CAMPAIGN, set(ALL))
    assert hot.take(EVERY, ALL) == list(range(TURN, 2 * TURN))


def test_a_code_beside_a_campaign_is_looked_for_where_it_was_named():
    hot = Hot()
    hot.keep(CAMPAIGN, CAMPAIGN, set(ALL))
    hot.heat([7])
    assert hot.take(CODES, ALL) == [7]
    hot.keep(CODES, CODES, {7})
    assert hot.take(CODES, ALL) == [7], "there were more of them than wanted"
    hot.keep(CODES, {}, ())
    assert hot.take(CODES, ALL) == []


def test_what_is_left_is_of_a_class_that_was_more_than_wanted_or_of_the_last():
    hot = Hot()
    hot.keep(EVERY, {OTP: 3, TRANSACTIONAL: 86, MARKETING: 2}, {5})
    assert [hot.has(klass) for klass in MessageClass] == [False, True, True]
    cancelled = Hot()
    cancelled.keep({OTP: 96, TRANSACTIONAL: 86}, {}, {5})
    assert [cancelled.has(klass) for klass in MessageClass] == [False, True, False]


def test_where_a_claim_did_not_get_to_the_turn_is_still_to_come():
    hot = Hot()
    few = {MARKETING: 5}
    hot.keep(few, few, [9, 4, 7, 2, 8, 6, 1])
    turn = hot.take(few, ALL)
    assert turn == [1, 2, 4, 6, 7]
    hot.keep(few, few, turn, {(MARKETING, 2)})  # nothing of it in 1
    hot.heat([3])
    assert hot.take(few, ALL) == [4, 6, 7, 8, 9, 3]
    hot.keep(few, {MARKETING: 4}, [4, 9, 3], {(MARKETING, 4)})  # it came by all of them
    assert hot.take(few, ALL) == [1, 2, 4, 9, 3]


def test_all_partitions_of_a_campaign_that_has_little_room_are_served_alike():
    hot, served, few = Hot(), dict.fromkeys(ALL, 0), {MARKETING: 13}
    hot.keep(few, few, ALL)
    for turn in range(640):
        hot.heat(((turn * 7) % 64, (turn * 11) % 64))
        asked = hot.take(few, ALL)
        served[asked[0]] += 1
        hot.keep(few, few, asked, {(MARKETING, asked[0])})
    assert set(served.values()) == {10}
