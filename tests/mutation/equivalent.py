"""Mutants that change nothing that the journal promises, and why: by ``Mutant.key``. A key that no mutant has any more is told of, too."""

from typing import Final

SAME_IN_PIECES: Final = "what fits into one call may as well go in pieces"

EQUIVALENT: Final[dict[str, str]] = {
    "_base | if n <= PIECE then return call(command, key, unpack(args)) end | n <= PIECE → false": SAME_IN_PIECES,
    "_base | if n <= PIECE then return call(command, key, unpack(args)) end | <= → <": SAME_IN_PIECES,
    "_base | if n <= PIECE then return call(command, key, unpack(ids)) end | n <= PIECE → false": SAME_IN_PIECES,
    "_base | if n <= PIECE then return call(command, key, unpack(ids)) end | <= → <": SAME_IN_PIECES,
}
