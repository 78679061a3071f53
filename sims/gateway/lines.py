"""The sessions of a gateway: bound at the beginning, bound again when they are cut, unbound at the end."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.client import connect
from carriers.smpp.law import Side
from carriers.smpp.operations import Bind
from carriers.smpp.session import Session, Timers
from carriers.smpp.shell import SessionShell
from carriers.smpp.statuses import status_name
from sims.gateway.options import GatewayOptions

log = logging.getLogger("trunkline.gateway")

REBIND_S: Final = 0.5
CONNECT_S: Final = 10.0
BOUND_S: Final = 15.0  # for the first binds
LEAVE_S: Final = 3.0


class TargetRefused(Exception):
    """Nobody listens at the address, or the bind is refused; the text says which."""


class Lines:
    """All sessions of one run. ``on_events`` gets what sessions tell but for their own beginnings and ends."""

    def __init__(
        self,
        options: GatewayOptions,
        *,
        on_events: Callable[[SessionShell, list[e.Event]], None],
        on_writable: Callable[[], None],
    ) -> None:
        self.shells: list[SessionShell] = []  # those bound
        self._options = options
        self._on_events = on_events
        self._on_writable = on_writable
        self._keepers: list[asyncio.Task[None]] = []
        self._over = asyncio.Event()
        self._ready = asyncio.Event()
        self._failure = ""

    async def start(self) -> None:
        """Bind all of them; raises ``TargetRefused``."""
        pair = self._options.bind == "transmitter_receiver"
        binds = (c.BIND_TRANSMITTER, c.BIND_RECEIVER) if pair else (c.BIND_TRANSCEIVER,)
        wanted = [bind for _ in range(self._options.sessions) for bind in binds]
        self._keepers = [asyncio.create_task(self._keep(bind, len(wanted))) for bind in wanted]
        try:
            async with asyncio.timeout(BOUND_S):
                await self._ready.wait()
        except TimeoutError:
            raise TargetRefused(self._failure or "not bound in time") from None
        if self._failure:
            raise TargetRefused(self._failure)

    async def leave(self) -> None:
        """Unbind and close."""
        self._over.set()
        for shell in tuple(self.shells):
            shell.session.unbind(monotonic())
            shell.flush()
        if not self._keepers:
            return
        _, left = await asyncio.wait(self._keepers, timeout=LEAVE_S)
        for shell in tuple(self.shells):
            shell.abort("over")
        for keeper in left:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _keep(self, command: int, wanted: int) -> None:
        options = self._options
        context = ssl._create_unverified_context() if options.tls else None  # noqa: S323, SLF001 (a test's certificate)
        while not self._over.is_set():
            ended = asyncio.Event()
            try:
                await connect(options.target, self._maker(command, wanted, ended), timeout_s=CONNECT_S, context=context)
            except (OSError, TimeoutError) as error:
                self._fail(f"no connection to {options.address}: {str(error) or type(error).__name__}")
            else:
                await ended.wait()
            try:
                await asyncio.wait_for(self._over.wait(), REBIND_S)
            except TimeoutError:
                continue

    def _maker(self, command: int, wanted: int, ended: asyncio.Event) -> Callable[[], SessionShell]:
        options = self._options

        def connected(shell: SessionShell) -> None:
            shell.session.bind(command, Bind(options.system_id, options.password), monotonic())

        def happened(shell: SessionShell, events: list[e.Event]) -> None:
            self._happened(shell, events, wanted, ended)

        return lambda: SessionShell(
            lambda now_s: Session(Side.ESME, Timers(), now_s=now_s, window=options.window),
            clock=monotonic,
            on_events=happened,
            on_connected=connected,
            on_writable=self._on_writable,
        )

    def _happened(self, shell: SessionShell, events: Sequence[e.Event], wanted: int, ended: asyncio.Event) -> None:
        for event in events:
            match event:
                case e.Bound():
                    self.shells.append(shell)
                    if len(self.shells) >= wanted:
                        self._ready.set()
                case e.BindRefused(status=status):
                    self._fail(f"bind refused: {status_name(status)}")
                    shell.close("bind refused")
                case e.Unbinding():
                    self._drop(shell)
                case e.Closed():
                    self._drop(shell)
                    ended.set()
                case _:
                    pass
        self._on_events(shell, list(events))

    def _drop(self, shell: SessionShell) -> None:
        if shell in self.shells:
            self.shells.remove(shell)

    def _fail(self, why: str) -> None:
        """A bind that fails at the beginning ends the run; later ones are tried again."""
        log.info("gateway.not_bound why=%s", why)
        if not self._ready.is_set():
            self._failure = why
            self._ready.set()
