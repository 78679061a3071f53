"""Messages from handsets: parts gathered, rules asked, everything durable before the carrier is answered."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from actors.batching import Outbox
from actors.metrics import Metrics
from carriers.port import InboundIn
from carriers.smpp.commands import RMSGQFUL, ROK, RSYSERR, RX_P_APPN
from router.ids import ENTROPY_OCTETS, PARTITIONS, MessageId, created_ms, make_id
from router.inbound import InboundRules, read_address
from router.journal.port import Group, Journal, JournalError, JournalFull, Part, Received
from router.model import State
from router.numbers import NetworkTable
from router.pieces import MARK, Piece, Wording, digest_of, group_of, inbound_body, pack_piece, read_pieces, unpack_piece
from router.record import EventKind, UnreadableRecord, pack_body, pack_event
from router.settings import CarrierProfile, InboundRule, Settings, Tenant
from router.text.udh import Concatenation
from router.webhooks import event_type, wanted

log = logging.getLogger("trunkline.carrier")

CLOSED_S: Final = 600.0  # how long the same part again is known for a repetition, its answer having been lost
CLOSE_LIMIT: Final = 500  # groups a call
CLOSE_PAUSE_S: Final = 0.05  # between calls about few groups: nobody waits for them
LOOK_S: Final = 15.0  # how often groups that nobody completes are looked for
ABANDONED_S: Final = 30.0  # a group complete for so long lost the process that completed it
LOOK_LIMIT: Final = 500  # groups a look
DOUBTFUL_LIMIT: Final = 20_000  # messages of which it is not known whether the journal has them
DOUBTFUL_S: Final = 900.0  # carriers send again what was answered with a temporary error within seconds to minutes


class _Whole(NamedTuple):
    """A message that is to be received."""

    received: Received
    at: int  # which of the batch is answered with its end; -1: none
    group: bytes  # to be closed then; b"": it came whole
    digest: bytes  # of a message that came whole


class InboundDesk:
    """Takes what one carrier's handsets send. May forget everything: what is answered is in the journal.

    Delivery is at least once. A message that the journal may or may not have taken is answered with a temporary error; when it
    comes again it gets the same id, so that there is one of it.
    """

    def __init__(
        self,
        journal: Journal,
        profile: CarrierProfile,
        metrics: Metrics,
        settings: Settings,
        *,
        now_ms: Callable[[], int],
        rng: Random,
    ) -> None:
        self._journal = journal
        self._profile = profile
        self._metrics = metrics
        self._now_ms = now_ms
        self._rng = rng
        self._doubtful: OrderedDict[bytes, MessageId] = OrderedDict()
        self.closed = Outbox[bytes]("groups", self._close, limit=CLOSE_LIMIT, pause_s=CLOSE_PAUSE_S)  # to be run
        self.settings_changed(settings)

    def settings_changed(self, settings: Settings) -> None:
        """Go by other settings from now on."""
        self._settings = settings
        self._rules = InboundRules.compile(settings)
        self._networks = NetworkTable.compile(settings)
        self._tenants = {tenant.id: tenant for tenant in settings.tenants}
        self._carriers = {carrier.name for carrier in settings.carriers}

    # -- the link's callback -------------------------------------------------------------------------------------
    async def on_inbound(self, messages: list[InboundIn]) -> list[int]:
        """A command_status for each: ESME_ROK only for what is durable, ESME_RX_P_APPN for what is nobody's."""
        now_ms = self._now_ms()
        statuses = [ROK] * len(messages)
        wholes: list[_Whole] = []
        parts: list[tuple[int, Part]] = []
        refused = 0
        for at, message in enumerate(messages):
            piece = self._piece(message)
            if message.part is not None:
                if self._worth_gathering(piece, message.part):
                    parts.append((at, self._part(piece, message.part, now_ms)))
                    continue
            else:
                pieces = {1: piece}
                wording = read_pieces(pieces, 1, self._profile.inbound_alphabet)
                rule = self._rules.match(piece.destination.text, wording.text, self._profile.name)
                if rule is not None:
                    digest = digest_of(piece)
                    message_id = self._doubtful.pop(digest, None) or self._id(now_ms, self._rng.randrange(PARTITIONS))
                    wholes.append(_Whole(self._received(message_id, pieces, 1, wording, rule), at, b"", digest))
                    continue
            statuses[at] = RX_P_APPN
            refused += 1
        if refused:
            log.info("inbound.refused carrier=%s count=%d", self._profile.name, refused)
            self._count("refused", refused)
        if parts:
            wholes += await self._gather(parts, statuses)
        await self._receive(wholes, statuses)
        return statuses

    def _piece(self, message: InboundIn) -> Piece:
        return Piece(
            carrier=self._profile.name,
            source=read_address(message.source, message.source_ton),
            destination=read_address(message.destination, message.destination_ton),
            octets=message.octets,
            data_coding=message.data_coding,
            udh=message.udh,
        )

    def _worth_gathering(self, piece: Piece, part: Concatenation) -> bool:
        """Whether a rule may want the whole. Only the first part has the keyword; of the others it is the number that counts."""
        if part.number == 1:
            wording = read_pieces({1: piece}, 1, self._profile.inbound_alphabet)
            return self._rules.match(piece.destination.text, wording.text, self._profile.name) is not None
        return self._rules.reaches(piece.destination.text, self._profile.name)

    def _part(self, piece: Piece, part: Concatenation, now_ms: int) -> Part:
        group = group_of(piece, part)
        return Part(group, self._id(now_ms, group[0] % PARTITIONS), part.number, part.total, pack_piece(piece))

    def _id(self, now_ms: int, partition: int) -> MessageId:
        return make_id(now_ms, partition, self._rng.randbytes(ENTROPY_OCTETS))

    def _received(
        self, message_id: MessageId, pieces: Mapping[int, Piece], total: int, wording: Wording, rule: InboundRule
    ) -> Received:
        body = inbound_body(message_id, pieces, total, wording, rule, self._networks, self._settings)
        tenant: Tenant | None = self._tenants.get(rule.tenant)
        hook = tenant.webhook if tenant is not None else None
        told = hook is not None and bool(hook.url) and wanted(hook.events, event_type(State.RECEIVED))
        event = pack_event(self._now_ms(), EventKind.RECEIVED, pieces[min(pieces)].carrier)
        retention_s = tenant.retention_s if tenant is not None else 0
        return Received(message_id, rule.tenant, pack_body(body), event, told, rule.account, retention_s)

    # -- what the journal makes of it ----------------------------------------------------------------------------
    async def _gather(self, parts: Sequence[tuple[int, Part]], statuses: list[int]) -> list[_Whole]:
        """Make parts durable; the messages that are complete with them. Marks what could not be kept in ``statuses``."""
        try:
            gathered = await self._journal.gather([part for _, part in parts])
        except JournalError as error:
            self._put_off([at for at, _ in parts], error, statuses)
            return []
        self._metrics.counter("trunkline_parts", "carrier").add(len(parts))
        complete: dict[bytes, _Whole] = {}
        for (at, part), one in zip(parts, gathered, strict=True):
            if not one.fresh:
                self._count("repeated")
            if not one.whole:
                continue
            name = part.group + one.id
            whole = self._whole(name, one.id, dict(enumerate(one.whole, 1)), part.total, at)
            if whole is not None:
                complete[name] = whole
            else:
                statuses[at] = RX_P_APPN
        return list(complete.values())

    def _whole(self, group: bytes, message_id: MessageId, octets: Mapping[int, bytes], total: int, at: int) -> _Whole | None:
        """The message that parts add up to, however many there are; None when it is nobody's, or cannot be read."""
        try:
            pieces = {number: unpack_piece(packed) for number, packed in octets.items()}
        except UnreadableRecord:
            log.error("inbound.unreadable carrier=%s id=%s", self._profile.name, message_id.hex())  # noqa: TRY400 (the trace would show the text)
            return None
        first = pieces[min(pieces)]
        wording = read_pieces(pieces, total, self._profile.inbound_alphabet)
        rule = self._rules.match(first.destination.text, wording.keyed, first.carrier)
        if rule is None:
            # Its parts have been answered: the carrier cannot be told any more. There is nobody to keep it for.
            log.warning("inbound.unmatched carrier=%s id=%s parts=%d", self._profile.name, message_id.hex(), len(pieces))
            self._count("unmatched")
            self.closed.put([group])
            return None
        return _Whole(self._received(message_id, pieces, total, wording, rule), at, group, b"")

    async def _receive(self, wholes: Sequence[_Whole], statuses: list[int]) -> None:
        """Make whole messages durable. Marks those that are not in ``statuses``."""
        if not wholes:
            return
        try:
            await self._journal.receive([whole.received for whole in wholes])
        except JournalError as error:
            self._put_off([whole.at for whole in wholes if whole.at >= 0], error, statuses)
            self._doubt(wholes)
            return
        self._count("received", len(wholes))
        self.closed.put([whole.group for whole in wholes if whole.group])

    def _doubt(self, wholes: Sequence[_Whole]) -> None:
        """The journal may have them: should they come again, they are the same."""
        doubtful = self._doubtful
        oldest_ms = self._now_ms() - int(DOUBTFUL_S * 1000)
        for whole in wholes:
            if whole.digest:
                doubtful[whole.digest] = whole.received.id
        while doubtful and (len(doubtful) > DOUBTFUL_LIMIT or created_ms(doubtful[next(iter(doubtful))]) < oldest_ms):
            doubtful.popitem(last=False)

    def _put_off(self, places: Sequence[int], error: JournalError, statuses: list[int]) -> None:
        """Have the carrier send them again."""
        status = RMSGQFUL if isinstance(error, JournalFull) else RSYSERR
        for at in places:
            statuses[at] = status
        self._count("put_off", len(places))
        log.warning("inbound.put_off carrier=%s count=%d error=%s", self._profile.name, len(places), type(error).__name__)

    def _count(self, outcome: str, times: int = 1) -> None:
        self._metrics.counter("trunkline_inbound", self._profile.name, outcome).add(times)

    async def _close(self, groups: list[bytes]) -> None:
        await self._journal.close_groups(groups, CLOSED_S)

    # -- groups that nobody completes ----------------------------------------------------------------------------
    async def keep_looking(self) -> None:
        """Finish what a process that died left complete, and receive what stays incomplete as far as it goes; for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except JournalError as error:
                log.warning("inbound.parts_unseen carrier=%s error=%s", self._profile.name, type(error).__name__)

    async def look(self) -> None:
        """Look once. Raises ``JournalError``."""
        stale = await self._journal.stale_groups(range(PARTITIONS), ABANDONED_S, LOOK_LIMIT)
        ours = [group for group in stale if self._is_ours(group)]
        now_ms = self._now_ms()
        wholes: list[_Whole] = []
        for group in ours:
            missing = group.total - len(group.parts)
            if missing and now_ms - created_ms(group.id) < self._settings.smpp.parts_timeout_s * 1000:
                continue
            whole = self._whole(group.group + group.id, group.id, group.parts, group.total, -1)
            if whole is None:
                continue
            wholes.append(whole)
            if missing:
                log.info("inbound.incomplete carrier=%s id=%s missing=%d", self._profile.name, group.id.hex(), missing)
                self._metrics.counter("trunkline_parts_incomplete", "carrier").add()
        await self._receive(wholes, [])

    def _is_ours(self, group: Group) -> bool:
        """Whether its parts came by this carrier, or by one that is in the settings no more: then whoever looks first has it."""
        if group.group[1:2] != MARK or not group.parts:
            return False
        try:
            carrier = unpack_piece(next(iter(group.parts.values()))).carrier
        except UnreadableRecord:
            return False
        return carrier == self._profile.name or carrier not in self._carriers
