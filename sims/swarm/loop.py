"""An event loop whose time is made up: it jumps to the next thing that is to happen. One thread, no sockets, always the same order."""

import asyncio
import contextlib
import contextvars
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol


class Process(Protocol):
    """Whose a callback is. What is dead does nothing any more, what is stopped does it when it is continued."""

    alive: bool
    stopped: bool
    parked: list[asyncio.Handle]


PROCESS: Final[contextvars.ContextVar[Process]] = contextvars.ContextVar("process")


class VirtualLoop(asyncio.AbstractEventLoop):
    """What asyncio needs of a loop, and ``run``. Callbacks belong to the process of their context."""

    def __init__(self, on_error: Callable[[str, BaseException], None]) -> None:
        """``on_error(where, error)`` is told what callbacks raise."""
        self._now_s = 0.0
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = 0
        self._closed = False
        self._on_error = on_error
        self._tasks: list[tuple[asyncio.Task[Any], contextvars.Context]] = []
        self.connect: Callable[..., Any] | None = None  # what carries out ``create_connection``
        self.steps = 0

    # -- running --------------------------------------------------------------------------------------------------
    def run(self, until_s: float, done: Callable[[], bool] | None = None) -> None:
        """Let time go by until then, or until ``done`` says so when time moves on."""
        events._set_running_loop(self)  # noqa: SLF001 (what every loop does)
        try:
            while not self._closed:
                if self._ready:
                    self._step(self._ready.popleft())
                    continue
                if not self._timers or self._timers[0][0] > until_s or (done is not None and done()):
                    break
                self._advance()
        finally:
            events._set_running_loop(None)  # noqa: SLF001 (as above)
        self._now_s = max(self._now_s, until_s) if done is None else self._now_s

    def _advance(self) -> None:
        timers = self._timers
        self._now_s = max(self._now_s, timers[0][0])
        while timers and timers[0][0] <= self._now_s:
            self._ready.append(heapq.heappop(timers)[2])

    def _step(self, handle: asyncio.Handle) -> None:
        if handle.cancelled():
            return
        process = handle._context.get(PROCESS)  # type: ignore[attr-defined]  # noqa: SLF001 (typeshed leaves it out)
        if process is not None:
            if not process.alive:
                return
            if process.stopped:
                process.parked.append(handle)
                return
        self.steps += 1
        handle._run()  # noqa: SLF001 (what every loop does)

    def resume(self, handles: list[asyncio.Handle]) -> None:
        """What a stopped process has missed, in its order."""
        self._ready.extend(handles)
        handles.clear()

    def end(self) -> None:
        """Forget everything that has not happened. Coroutines in the middle of something are closed, each in its own context.

        Processes must be dead by then: what they do when they are closed is nothing that happens.
        """
        self._closed = True
        self._ready.clear()
        self._timers.clear()
        for task, context in self._tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 (they are meant to end unfinished)
            if not task.done():
                with contextlib.suppress(BaseException):  # whatever a dead process says when it is closed
                    context.run(task.get_coro().close)
            elif not task.cancelled():
                task.exception()
        self._tasks.clear()

    # -- what asyncio asks for ------------------------------------------------------------------------------------
    def time(self) -> float:
        """Seconds since the beginning."""
        return self._now_s

    def get_debug(self) -> bool:
        """Never."""
        return False

    def is_running(self) -> bool:
        """While anybody can ask."""
        return not self._closed

    def is_closed(self) -> bool:
        """After ``end``."""
        return self._closed

    def call_soon(  # type: ignore[override]  # which arguments fit which callback is asyncio's business
        self, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """As asyncio."""
        handle = asyncio.Handle(callback, args, self, context)
        if not self._closed:
            self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # as above

    def call_later(  # type: ignore[override]  # as above
        self, delay: float, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio."""
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # as above
        self, when: float, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio; of two at the same time the one that was asked for first comes first."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        if not self._closed:
            heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        """As asyncio."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # generators are no coroutines here
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: contextvars.Context | None = None
    ) -> asyncio.Task[Any]:
        """As asyncio."""
        context = contextvars.copy_context() if context is None else context
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append((task, context))
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What went wrong where nobody looked."""
        error = context.get("exception")
        if error is not None and not self._closed:
            self._on_error(context.get("message", ""), error)

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Over the simulated network; raises ``OSError``."""
        if self.connect is None or options.get("ssl") is not None:
            raise OSError("there is no such network here")
        return await self.connect(protocol_factory, host, port)
