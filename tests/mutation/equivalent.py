"""Mutants that change nothing that the journal promises, and why. A row that fits none any more is told of, too."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.mutation.rules import Mutant


class Row(NamedTuple):
    """Why mutants whose key (script | line | change) has this form are equivalent."""

    form: str  # a regular expression for the whole key
    why: str


EQUIVALENT: Final = (
    Row(r"_base \| if n <= PIECE .* \| n <= PIECE → (false|n < PIECE)", "what fits into one call may as well go in pieces"),
    Row(r"\w+ \| if (#[\w.]+|count|ripe) > 0 then.* \| (.*) > 0 → (true|.* >= 0)", "with nothing to write, nothing is written"),
    Row(r"\w+ \| if #[\w.]+ == 0 then return.* \| #[\w.]+ == 0 → false", "with nothing to do, nothing is done"),
    Row(r"\w+ \| .* \| .*(> now → .* >= now|<= now → .* < now)", "a millisecond of the server's clock decides nothing"),
)


def reason(mutant: Mutant) -> str:
    """Why a mutant is equivalent; "" when it is not known to be."""
    return next((row.why for row in EQUIVALENT if re.fullmatch(row.form, mutant.key)), "")


def unused(mutants: Sequence[Mutant]) -> list[Row]:
    """Rows that fit none of these."""
    return [row for row in EQUIVALENT if not any(re.fullmatch(row.form, mutant.key) for mutant in mutants)]
