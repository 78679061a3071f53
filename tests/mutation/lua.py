"""As much of Lua 5.1 as the journal's scripts are written in: where its conditions, operators, calls and assignments stand."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

TOKEN: Final = re.compile(
    r"(?P<skip>\s+|--[^\n]*|\A\#![^\n]*)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?)"
    r"|(?P<text>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")"
    r"|(?P<sign>\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}\[\];:,.])"
)
# From loose to tight; ".." is the only one here that binds to the right, which does not matter to where its sides stand.
BINARY: Final = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("<", ">", "<=", ">=", "~=", "=="), 3),
    "..": 4,
    **dict.fromkeys("+-", 5),
    **dict.fromkeys("*/%", 6),
    "^": 8,
}
UNARY: Final = 7
ENDS: Final = frozenset({"end", "else", "elseif", "until", ""})


class LuaError(ValueError):
    """Not what the scripts are written in."""


class Token(NamedTuple):
    """A word of the source; ``kind`` is a group of ``TOKEN``, or ``""`` at the end."""

    kind: str
    text: str
    begin: int
    end: int


class Found(NamedTuple):
    """A place in the source. ``parts`` are the places within it: operands, arguments (the called name first)."""

    kind: str  # "if", "while", "binary", "not", "call", "statement call", "assignment"
    word: str  # an operator, or a called name
    begin: int
    end: int
    parts: tuple[tuple[int, int], ...] = ()


def tokens(source: str) -> Iterator[Token]:
    """Words in order; raises ``LuaError``."""
    at = 0
    while at < len(source):
        match = TOKEN.match(source, at)
        if match is None:
            raise LuaError(f"cannot read {source[at : at + 20]!r}")
        at = match.end()
        if match.lastgroup != "skip":
            yield Token(match.lastgroup or "", match[0], match.start(), at)
    yield Token("", "", at, at)


class Reader:
    """Reads one source. ``found`` is what there is in it, inner places before the outer ones."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._words = list(tokens(source))
        self._at = 0
        self.found: list[Found] = []
        self.statements: list[tuple[int, int]] = []  # where they begin and end, inner ones before those around them
        self._block()
        self._expect("")

    def statement(self, at: int) -> int:
        """Where the innermost statement around a place begins."""
        return max(begin for begin, end in self.statements if begin <= at < end)

    # -- words
    @property
    def _next(self) -> Token:
        return self._words[self._at]

    @property
    def _last_end(self) -> int:
        return self._words[self._at - 1].end

    def _take(self) -> Token:
        self._at += 1
        return self._words[self._at - 1]

    def _is(self, *texts: str) -> bool:
        return self._next.kind != "text" and self._next.text in texts

    def _accept(self, text: str) -> bool:
        if self._is(text):
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise LuaError(f"{text!r} expected where {self._next.text!r} stands, at {self._next.begin}")

    # -- statements
    def _block(self) -> None:
        while not self._is(*ENDS):
            begin = self._next.begin
            self._statement()
            self.statements.append((begin, self._last_end))
            self._accept(";")

    def _statement(self) -> None:
        match self._next.text:
            case "if":
                self._conditional()
            case "while":
                self._take()
                self._condition("while")
                self._body("do")
            case "for":
                self._take()
                while not self._is("do"):
                    self._take() if self._is(",", "=", "in") else self._expression()
                self._body("do")
            case "do":
                self._body("do")
            case "local":
                self._declaration()
            case "return":
                self._take()
                if not self._is(*ENDS):
                    self._expressions()
            case "break":
                self._take()
            case _:
                self._act()

    def _body(self, opening: str) -> None:
        self._expect(opening)
        self._block()
        self._expect("end")

    def _conditional(self) -> None:
        self._take()
        self._condition("if")
        self._expect("then")
        self._block()
        if self._is("elseif"):
            self._conditional()
        elif self._accept("else"):
            self._block()
            self._expect("end")
        else:
            self._expect("end")

    def _condition(self, kind: str) -> None:
        begin, end = self._expression()
        self.found.append(Found(kind, "", begin, end))

    def _declaration(self) -> None:
        self._take()
        if self._accept("function"):
            self._take()
            self._function()
            return
        self._take()
        while self._accept(","):
            self._take()
        if self._accept("="):
            self._expressions()

    def _function(self) -> None:
        self._expect("(")
        while not self._accept(")"):
            self._take()
        self._block()
        self._expect("end")

    def _act(self) -> None:
        """A call or an assignment."""
        begin, end = self._suffixed()
        if self._is("=", ","):
            while self._accept(","):
                self._suffixed()
            self._expect("=")
            self._expressions()
            self.found.append(Found("assignment", "", begin, self._last_end))
            return
        called = self.found[-1] if self.found else None
        if called is None or (called.kind, called.begin, called.end) != ("call", begin, end):
            raise LuaError(f"neither a call nor an assignment at {begin}")
        self.found[-1] = called._replace(kind="statement call")

    # -- expressions
    def _expressions(self) -> list[tuple[int, int]]:
        places = [self._expression()]
        while self._accept(","):
            places.append(self._expression())
        return places

    def _expression(self, tightness: int = 0) -> tuple[int, int]:
        begin = self._next.begin
        if self._is("not", "#", "-"):
            word = self._take().text
            part = self._expression(UNARY)
            if word == "not":
                self.found.append(Found("not", word, begin, part[1], (part,)))
        else:
            self._simple()
        left = (begin, self._last_end)
        while self._next.kind in {"name", "sign"} and BINARY.get(self._next.text, 0) > tightness:
            word = self._take().text
            right = self._expression(BINARY[word])
            self.found.append(Found("binary", word, begin, right[1], (left, right)))
            left = (begin, right[1])
        return left

    def _simple(self) -> None:
        if self._next.kind in {"number", "text"} or self._is("nil", "true", "false", "..."):
            self._take()
        elif self._accept("function"):
            self._function()
        elif self._is("{"):
            self._table()
        else:
            self._suffixed()

    def _table(self) -> None:
        self._expect("{")
        while not self._accept("}"):
            if self._accept("["):
                self._expression()
                self._expect("]")
                self._expect("=")
            elif self._next.kind == "name" and self._words[self._at + 1].text == "=":
                self._at += 2
            self._expression()
            self._accept(",")

    def _suffixed(self) -> tuple[int, int]:
        begin = self._next.begin
        if self._accept("("):
            self._expression()
            self._expect(")")
        elif self._next.kind == "name":
            self._take()
        else:
            raise LuaError(f"a name expected where {self._next.text!r} stands, at {self._next.begin}")
        while True:
            called = (begin, self._last_end)
            if self._accept("["):
                self._expression()
                self._expect("]")
            elif self._accept("."):
                self._take()
            elif self._accept("("):
                places = [] if self._is(")") else self._expressions()
                self._expect(")")
                word = self.source[slice(*called)]
                self.found.append(Found("call", word, begin, self._last_end, (called, *places)))
            else:
                return called
