"""Where a dispatcher looks for messages."""

from actors.hot import Hot

ALL = range(64)


def test_what_was_named_is_visited_once():
    hot = Hot()
    assert not hot
    hot.heat([5, 3])
    hot.heat((5,))
    assert hot
    assert hot.take(ALL, codes_only=False) == [3, 5]
    assert not hot
    assert hot.take(ALL, codes_only=False) == []


def test_what_is_anothers_is_not_visited():
    hot = Hot()
    hot.heat([1, 2])
    assert hot.take([2, 3], codes_only=False) == [2]


def test_a_claim_of_codes_leaves_others_for_the_next():
    hot = Hot()
    hot.heat([1, 2])
    assert hot.take(ALL, codes_only=True) == [1, 2]
    assert hot.take(ALL, codes_only=True) == []
    assert hot, "nobody has looked for others"
    assert hot.take(ALL, codes_only=False) == [1, 2]


def test_a_campaign_is_no_reason_to_look_for_codes_everywhere_more_than_once():
    hot = Hot()
    hot.heat(ALL)
    hot.take(ALL, codes_only=False)
    hot.keep(set(ALL), codes_only=False)
    assert hot.take(ALL, codes_only=True) == list(ALL)
    hot.keep(set(), codes_only=True)
    hot.heat([7])
    assert hot.take(ALL, codes_only=True) == [7]
    assert hot.take(ALL, codes_only=False) == list(ALL)


def test_codes_that_were_more_than_wanted_are_claimed_next():
    hot = Hot()
    hot.keep({4}, codes_only=True)
    assert hot.take(ALL, codes_only=True) == [4]
