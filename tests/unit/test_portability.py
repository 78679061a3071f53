"""What a look-up service says, and what is remembered of it."""

import pytest

from router.portability import UNKNOWN, Memory, read_answer
from router.rule_settings import Portability


@pytest.mark.parametrize(
    ("document", "paths", "network"),
    [
        ({"mcc_mnc": "23410"}, ("mcc_mnc",), "23410"),
        ({"mcc_mnc": 310260}, ("mcc_mnc",), "310260"),
        ({"data": [{"network": {"code": "234-10"}}]}, ("data.0.network.code",), "23410"),
        ({"mcc": "234", "mnc": "10"}, ("mcc", "mnc"), "23410"),
        ({"mcc": 262, "mnc": 1}, ("mcc", "mnc"), "26201"),
        ({"mcc": "310", "mnc": "260"}, ("mcc", "mnc"), "310260"),
        ({"mcc": "234"}, ("mcc", "mnc"), UNKNOWN),
        ({"mcc_mnc": None}, ("mcc_mnc",), UNKNOWN),
        ({"mcc_mnc": ""}, ("mcc_mnc",), UNKNOWN),
        ({"mcc_mnc": "Vodafone"}, ("mcc_mnc",), UNKNOWN),
        ({"mcc_mnc": "13410"}, ("mcc_mnc",), UNKNOWN),  # no country code begins with 1
        ({"mcc_mnc": "2341000"}, ("mcc_mnc",), UNKNOWN),
        ({"mcc_mnc": True}, ("mcc_mnc",), UNKNOWN),
        ({"mcc_mnc": "٢٣٤١٠"}, ("mcc_mnc",), UNKNOWN),
        ({"mcc_mnc": ["23410"]}, ("mcc_mnc",), UNKNOWN),
        ({"mcc_mnc": ["23410"]}, ("mcc_mnc.1",), UNKNOWN),
        ([], ("0",), UNKNOWN),
        ("23410", ("mcc_mnc",), UNKNOWN),
        (None, ("a.b",), UNKNOWN),
    ],
)
def test_an_answer_is_read_where_the_settings_say(document, paths, network):
    assert read_answer(document, paths) == network


def test_what_is_known_is_kept_longer_than_what_is_not():
    memory = Memory(Portability(keep_s=100, keep_unknown_s=10))
    memory.put("1", "23410", 0.0)
    memory.put("2", UNKNOWN, 0.0)
    assert (memory.get("1", 9.9), memory.get("2", 9.9), memory.get("3", 9.9)) == ("23410", UNKNOWN, None)
    assert (memory.get("1", 99.9), memory.get("2", 10.0)) == ("23410", None)
    assert memory.get("1", 100.0) is None
    assert len(memory) == 0


def test_of_too_many_the_oldest_go():
    memory = Memory(Portability(keep_most=2))
    for number in ("1", "2", "1", "3"):
        memory.put(number, "23410", 0.0)
    assert [memory.get(number, 1.0) for number in "123"] == ["23410", None, "23410"]
