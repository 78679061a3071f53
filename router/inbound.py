"""Whose a message from a handset is: addresses as carriers write them, and the rules that share messages out."""

import unicodedata
from typing import Final, NamedTuple

from router.numbers import MAX_DIGITS, MIN_DIGITS
from router.settings import InboundRule, Settings

_DIALLED: Final = frozenset((0, 1))  # TON of numbers that may be international: unknown and international (SMPP 3.4, 5.2.5)
_AROUND: Final = frozenset("PSZC")  # Unicode categories of what may stand around a word: punctuation, symbols, blanks, controls


class Address(NamedTuple):
    """An address as it is kept."""

    text: str  # digits without a plus, or letters
    international: bool  # whether the digits may be dialled from anywhere


def read_address(written: str, ton: int) -> Address:
    """Read an address of a deliver_sm. Never refuses: a carrier's way of writing is no reason to lose a message.

    TON 1 and 0 with 8 to 15 digits are international, with or without a plus or 00 in front; letters are a name, whatever TON
    says; short codes and national numbers stay as they are.
    """
    text = written.strip()
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return Address(text, international=False)
    plus = digits != text
    if not plus and digits.startswith("00") and ton in _DIALLED:
        digits = digits[2:]
        plus = True
    dialled = ton in _DIALLED or plus
    return Address(digits, international=dialled and MIN_DIGITS <= len(digits) <= MAX_DIGITS and digits[0] != "0")


def keyword_of(text: str) -> str:
    """The first word, without regard to capitals and without what stands around it; "" for a text without words."""
    words = text.split(None, 1)
    if not words:
        return ""
    word = words[0]
    begin, end = 0, len(word)
    while begin < end and unicodedata.category(word[begin])[0] in _AROUND:
        begin += 1
    while end > begin and unicodedata.category(word[end - 1])[0] in _AROUND:
        end -= 1
    return (word[begin:end] or word).casefold()  # a lone "?" is a word, too


class InboundRules:
    """The rules compiled. A rule with a keyword goes before one without, then the longer ``to``, then one that names the carrier."""

    def __init__(self, rules: dict[tuple[str, str, str], InboundRule]) -> None:
        """``rules``: by (``to`` in small letters, keyword as ``keyword_of`` gives it, carrier or "")."""
        self._rules = rules
        self._lengths = sorted({len(to) - 1 for to, _, _ in rules if to.endswith("*")}, reverse=True)
        self._places: dict[str, set[str]] = {}  # ``to`` → carriers of its rules
        for to, _, carrier in rules:
            self._places.setdefault(to, set()).add(carrier)

    @classmethod
    def compile(cls, settings: Settings) -> "InboundRules":
        """From the settings. Of two rules that say the same, which the settings' check refuses, the first counts."""
        rules: dict[tuple[str, str, str], InboundRule] = {}
        for rule in settings.inbound:
            rules.setdefault((rule.to.casefold(), keyword_of(rule.keyword), rule.carrier), rule)
        return cls(rules)

    def match(self, to: str, text: str, carrier: str) -> InboundRule | None:
        """Whose the message is; None: nobody's. ``to`` as ``read_address`` gives it."""
        places = self._places_of(to)
        if not places:
            return None
        word = keyword_of(text)
        for keyword in (word, "") if word else ("",):
            for place in places:
                rule = self._rules.get((place, keyword, carrier)) or self._rules.get((place, keyword, ""))
                if rule is not None:
                    return rule
        return None

    def reaches(self, to: str, carrier: str) -> bool:
        """Whether any rule could match a message to this address, whatever its text says."""
        return any(not self._places[place].isdisjoint((carrier, "")) for place in self._places_of(to))

    def _places_of(self, to: str) -> list[str]:
        """The ``to`` of rules that an address fits, the most exact first."""
        to = to.casefold()
        candidates = [to, *(f"{to[:length]}*" for length in self._lengths if length <= len(to))]
        return [place for place in candidates if place in self._places]
