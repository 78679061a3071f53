"""What must hold whatever happens, written once: for the twin, for runs with kills and cuts, and for load runs.

Fill a ``History`` with what was seen from outside, ask ``examine``; a rule whose evidence is missing is told as not checked, never as passed.
"""

from sims.invariants.examine import RULES, Rule, examine
from sims.invariants.facts import (
    Accepted,
    Answer,
    Delivery,
    Ended,
    Fault,
    HangUp,
    History,
    Line,
    Memory,
    Pace,
    Promise,
    Receipt,
    Recovery,
    Seen,
    Submit,
    Zombie,
)
from sims.invariants.verdict import Breach, Verdict

__all__ = [
    "RULES",
    "Accepted",
    "Answer",
    "Breach",
    "Delivery",
    "Ended",
    "Fault",
    "HangUp",
    "History",
    "Line",
    "Memory",
    "Pace",
    "Promise",
    "Receipt",
    "Recovery",
    "Rule",
    "Seen",
    "Submit",
    "Verdict",
    "Zombie",
    "examine",
]
