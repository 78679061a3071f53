"""The search for the greatest rate that is sustained: steps upwards until one is not, then between the last two."""

from typing import Final

UP: Final = 1.3  # from step to step …
DOWN: Final = 0.6  # … and where the first is too much already
PRECISION: Final = 1.06  # two rates no further apart than this are not told apart by a step of some seconds
MOST_STEPS: Final = 12
AGAIN: Final = 0.94  # of a rate that steps sustained and the whole duration did not


class Search:
    """``rate`` is to be tried next, None once it is over; ``tell`` what became of it. ``found``: the greatest sustained, 0 for none."""

    def __init__(self, first_mps: float) -> None:
        self.rate: float | None = first_mps
        self.found = 0.0
        self._failed = float("inf")
        self._steps = 0

    def tell(self, *, held: bool) -> None:
        """Whether the rate of the moment was sustained."""
        if self.rate is None:
            raise ValueError("the search is over")
        self._steps += 1
        if held:
            self.found = max(self.found, self.rate)
        else:
            self._failed = min(self._failed, self.rate)
        self.rate = None if self._steps >= MOST_STEPS else self._next(self.rate)

    def _next(self, last: float) -> float | None:
        if not self.found:
            return last * DOWN
        if self._failed == float("inf"):
            return last * UP
        if self._failed / self.found <= PRECISION:
            return None
        return (self.found * self._failed) ** 0.5
