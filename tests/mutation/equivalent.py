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
    Row(
        r"(?!accept)\w+ \| if (#(?!looked|g.notices)[\w.]+|g.count|ripe) > 0 then.* \| (.*) > 0 → (true|.* >= 0)",
        "with nothing to write, nothing is written",
    ),
    Row(
        r"(?!_giveback|_carrier)\w+ \| if (#[\w.]+|g.count) == 0 then return.* \| .* == 0 → false",
        "with nothing to do, nothing is done",
    ),
    Row(
        r"\w+ \| if (left <= 0|dropped >= limit|count >= limit) then break end \| .* → (false|left < 0|\w+ > limit)",
        "no more than nothing is asked for then",
    ),
    Row(r"(pump|depths) \| .* \| (tonumber\(first\)|created) < (\w+) → .* <= \3", "as soon is as soon, as old is as old"),
    Row(r"\w+ \| if new ~= v then.* \| new ~= v → true", "what is as it was is written as it was"),
    Row(r"_carrier \| .* \| .*'PEXPIRETIME'.* → (true|.* <= until_ms)", "as good as the time that stands: the same is set"),
    Row(r"_carrier \| if #missing == 0 then break end \| .* → false", "who looks for nothing finds nothing"),
    Row(
        r"_carrier \| .* \| call\('EXISTS', unpack\(keys\)\) == 0 → false",
        "where there are none, none is found: it spares three calls",
    ),
    Row(r"_finish \| g.stamp = .* \| .* → struct.pack\('>I6', now\)", "one call, one time"),
    Row(
        r"_receipt \| if to == DELIVERED and segments > 1 .* \| .* → (to == DELIVERED|segments >= 1)",
        "one segment is all of one: it spares a mask",
    ),
    Row(r"_receipt \| elseif to > DELIVERED then \| .* → to >= DELIVERED", "DELIVERED is met above"),
    Row(r"_submit \| if byte\(v, 6\) < 2 .* \| .* → false", "of one segment nobody reads the mask"),
    Row(r"accept \| now = now or .* \| .* → now_ms\(\)", "one call, one time"),
    Row(
        r"_leave \| return holder == '' or .* \| holder == '' or (.*) → \1",
        "what begins with nothing is anything: it spares a call",
    ),
    Row(r"adopt \| if epoch_key ~= '' then \| .* → true", "no key has an empty name"),
    Row(
        r"claim \| if #some == share and .* \| .* → call\('EXISTS', lines \.\. tenant\) == 1",
        "who gives less than its share has no more: it spares a call",
    ),
    Row(r"claim \| local tenants, left = .* \| .* → 1", "one after the other they have the same turns: it spares calls"),
    Row(r"claim \| if waiting == 0 and #ids < most .* \| .* → waiting == 0", "with enough, nobody waits for a turn any more"),
    Row(r"claim \| if all == 0 then .* \| .* → false", "in empty partitions nothing is found: it spares calls for each"),
    Row(
        r"claim \| for pass = 1, there\[k\] .* \| .* → (there\[k\] >= 0|2)",
        "of a class that is nowhere nothing is found: it spares calls for each",
    ),
    Row(r"claim \| for _, entry in ipairs\(pass .* \| .* → ready", "who gave less than was asked has no more: it spares a call"),
    Row(
        r"claim \| if pass == 1 and found == asked .* \| .* → (found == asked|pass == 1|pass ~= 0|true)",
        "who gave less than was asked has no more, and after its second turn nobody has another: it spares a call",
    ),
    Row(r"(notices|pump) \| if early > 0 then.* \| early > 0 → (early >= 0|true)", "what is as it was is written as it was"),
    Row(r"_clock \| if math\.abs\(.* \| .* → .* <= CLOCK_MS", "to the millisecond"),
    Row(r"claim \| if found > 0 .* \| .* → (found >= 0|true)", "who gave nothing has what it had: it spares a call"),
    Row(r"claim \| if waiting == 0 and #ids < most .* \| .* → #ids <= most", "with enough, nobody waits for a turn any more"),
    Row(r"claim \| if not entry\[3\] or .* \| .* → call.* > 0", "who was not asked has what it had: it spares a call"),
    Row(r"gather \| if call\('HLEN', key\) .* \| .* → false", "what is missing is missed below: it spares reading the rest"),
    Row(r"note \| if b < 0x80 .* \| b < 0x80 → b <= 0x80", "an empty map is one octet, too"),
    Row(r"note \| if b .* \| b >= (0xe0|0xa0) → b > \1", "what has no members is one octet, whatever it is"),
    Row(r"note \| local map, .* \| b < 0x90 → b <= 0x90", "an empty array has no kind either"),
    Row(r"notice_moves \| if letters ~= '' .* \| .* → true", "no key has an empty name"),
    Row(
        r"retire \| if heads\[i\] and has_channel.* \| .* → (true|heads\[i\])",
        "who has no account is found to have none: it spares asking",
    ),
    Row(
        r"retire \| if \(wants_events\(v\) and .* \| wants_events\(v\) and (.*) → \1",
        "who is not told does not wait there: it spares a call",
    ),
    Row(r"retire \| if (wants_events\(v\)|account) then .* \| .* → true", "of what is not there nothing is dropped"),
    Row(r"\w+ \| .* \| .*(> now → .* >= now|<= now → .* < now)", "a millisecond of the server's clock decides nothing"),
)


def reason(mutant: Mutant) -> str:
    """Why a mutant is equivalent; "" when it is not known to be."""
    return next((row.why for row in EQUIVALENT if re.fullmatch(row.form, mutant.key)), "")


def unused(mutants: Sequence[Mutant]) -> list[Row]:
    """Rows that fit none of these."""
    return [row for row in EQUIVALENT if not any(re.fullmatch(row.form, mutant.key) for mutant in mutants)]
