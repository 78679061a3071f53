"""Look-ups of numbers' networks over HTTP: a GET for each number, the answer's place in its JSON told by the settings."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import aiohttp
import msgspec
from yarl import URL

from router.portability import UNKNOWN, Fate, NetworkLookup, read_answer
from router.rule_settings import Portability

log = logging.getLogger("trunkline.portability")

ANSWER_LIMIT: Final = 65_536  # octets of an answer; one that is longer is none
FAILURES: Final = 8  # so many in a row without an answer between them: the service is not asked for a while
PAUSE_S: Final = 5.0  # how long; meanwhile messages do not wait for it


class HttpLookup:
    """Asks one service, from one event loop. ``clock``: seconds that never go back."""

    def __init__(self, settings: Portability, clock: Callable[[], float]) -> None:
        self.fates: Counter[Fate] = Counter()
        self._settings = settings
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._failures = 0
        self._silent_until_s = 0.0

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def lookup(self, numbers: Sequence[str]) -> Sequence[str | None]:
        """As ``NetworkLookup``: answers that came within ``timeout_s``, all numbers together, ``concurrency`` at a time."""
        answers: list[str | None] = [None] * len(numbers)
        if not numbers or self._clock() < self._silent_until_s:
            self.fates[Fate.SKIPPED] += len(numbers)
            return answers
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None),  # all requests of a look-up end together
                connector=aiohttp.TCPConnector(limit=self._settings.concurrency),
                headers={"Accept": "application/json", **self._settings.headers},
            )
        failed: set[int] = set()
        rest = iter(enumerate(numbers))
        work = (self._work(self._session, rest, answers, failed) for _ in range(min(len(numbers), self._settings.concurrency)))
        workers = [asyncio.create_task(one) for one in work]
        try:
            await asyncio.wait(workers, timeout=self._settings.timeout_s)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        self._note(answers, len(failed))
        return answers

    def _note(self, answers: Sequence[str | None], failed: int) -> None:
        late = answers.count(None) - failed
        counts = {Fate.UNKNOWN: answers.count(UNKNOWN), Fate.FAILED: failed, Fate.TIMED_OUT: late}
        self.fates.update(counts | {Fate.FOUND: len(answers) - sum(counts.values())})
        if any(answer is not None for answer in answers):
            self._failures = 0
            return
        self._failures += len(answers)
        if self._failures >= FAILURES:
            self._failures = 0
            self._silent_until_s = self._clock() + PAUSE_S
            log.warning("portability.silent pause_s=%.0f", PAUSE_S)

    async def _work(
        self, session: aiohttp.ClientSession, rest: Iterator[tuple[int, str]], answers: list[str | None], failed: set[int]
    ) -> None:
        for place, number in rest:
            answers[place] = await self._ask(session, number)
            if answers[place] is None:
                failed.add(place)

    async def _ask(self, session: aiohttp.ClientSession, number: str) -> str | None:
        """The answer for one number; a 404 is one. None: there was none that could be read."""
        url = URL(self._settings.url.replace("{number}", number), encoded=True)
        octets = bytearray()
        try:
            async with session.get(url, allow_redirects=False) as answer:
                if answer.status == 404:
                    return UNKNOWN
                if answer.status != 200:
                    return None
                async for chunk in answer.content.iter_any():
                    octets += chunk
                    if len(octets) > ANSWER_LIMIT:
                        return None
            return read_answer(msgspec.json.decode(octets), self._settings.answer)
        except (
            aiohttp.ClientError,
            OSError,
            ValueError,
            RecursionError,
        ):  # bad JSON is a ValueError
            return None


if TYPE_CHECKING:  # the type checker proves that the port is fulfilled
    _PROOF: type[NetworkLookup] = HttpLookup
