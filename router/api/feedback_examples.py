"""Examples of what feeds the scoreboard, and of its past, for the documentation."""

from typing import Any, Final

import msgspec

from router.api.board_history import BoardHistory, BoardPoint
from router.api.examples import ID
from router.api.feedback import Feedback, FeedbackAnswer, FeedbackMeta, FeedbackResult
from router.api.problems import problem
from router.api.read import PageMeta
from router.api.records import RecordPage
from router.first_attempts import FirstAttempt

FEEDBACK: Final[dict[str, Any]] = {
    "now": {"summary": "The code was just used", "value": {"outcome": "converted"}},
    "never": {"summary": "It expired", "value": {"outcome": "not_converted", "at": "2026-01-15T09:35:00Z"}},
}
_USED: Final = {"id": ID, "outcome": "converted", "at": "2026-01-15T09:30:21Z"}
FEEDBACKS: Final[dict[str, Any]] = {"array": {"summary": "An array", "value": [_USED]}}
FEEDBACK_LINES: Final[dict[str, Any]] = {"lines": {"summary": "An item a line", "value": msgspec.json.encode(_USED).decode()}}
_FEEDBACK: Final = Feedback(id=ID, outcome="converted", at="2026-01-15T09:30:21.000Z", fresh=True)

# Answers, by the name of their structure
ANSWERS: Final[dict[str, Any]] = {
    "Feedback": _FEEDBACK,
    "BoardHistory": BoardHistory(
        network="23410",
        step_s=10.0,
        data=[
            BoardPoint(
                at="2026-01-15T09:30:10.000Z",
                carrier="acme",
                breaker="closed",
                suspect=False,
                trust=0.97,
                submitted=48210,
                delivered=47120,
                undelivered=702,
                pending=388,
                success={"otp": 0.981, "transactional": 0.989, "marketing": 0.99},
                wait_s={"otp": 3.2, "transactional": 3.9, "marketing": 5.1},
            )
        ],
    ),
    "RecordPage": RecordPage(
        [
            FirstAttempt(
                id=ID,
                tenant="shop",
                klass="otp",
                country="GB",
                network="23410",
                segments=1,
                currency="EUR",
                due_ms=1768469400000,
                at_ms=1768469400012,
                seen_ms=1768473000000,
                policy="balanced",
                rule="",
                board=1842,
                carrier="acme",
                explored=False,
                reason="",
                considered=[
                    ("acme", 32000, 0.981, 3.2, 0, 50500, 0.0142, 250),
                    ("globex", 21000, 0.902, 6.8, 0, 77600, 0.0311, 100),
                ],
                excluded={"initech": "no cover"},
                price_micros=32000,
                outcome="delivered",
                seconds=3.198,
                attempts=1,
                status="delivered",
            )
        ],
        PageMeta(ID, has_more=True),
    ),
    "FeedbackAnswer": FeedbackAnswer([FeedbackResult(index=0, feedback=_FEEDBACK)], FeedbackMeta(1, 0)),
}
NONE_TAKEN: Final = FeedbackAnswer(
    [FeedbackResult(index=0, error=problem("not_sent", "No carrier has taken this message."))], FeedbackMeta(0, 1)
)
