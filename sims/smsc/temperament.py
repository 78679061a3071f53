"""How an SMSC behaves, and how that changes over time. Pure data and pure functions."""

import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=7 * 86_400)]
Sigma = Annotated[float, Meta(ge=0, le=5)]
IdForm = Literal["decimal", "hex", "padded", "uuid"]


class InvalidTemperament(ValueError):
    """A field is unknown, has the wrong type or is out of range; the text names it."""


class Failure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way of not being delivered; ``weight`` is relative to the other ways."""

    stat: Literal["UNDELIV", "EXPIRED", "REJECTD", "DELETED", "UNKNOWN"] = "UNDELIV"
    err: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,3}$")] = "001"
    weight: Annotated[float, Meta(gt=0)] = 1.0


class Temperament(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an SMSC does with a submit. The defaults are a fast carrier without faults.

    Delays are lognormal: half of them are shorter than the median, and sigma is the spread of their logarithm (0: all alike).
    """

    # -- answers to submits
    answer_median_s: Seconds = 0.0
    answer_sigma: Sigma = 0.0
    no_answer: Share = 0.0  # taken and delivered, but never answered
    errors: dict[str, Share] = {}  # command_status → share of submits answered with it: {"0x08": 0.01}
    throttle_mps: Annotated[int, Meta(ge=0)] = 0  # submits a second and system_id; above: ESME_RTHROTTLED. 0: no limit
    throttle_by: Literal["sliding", "calendar"] = "sliding"  # which second
    queue_limit: Annotated[int, Meta(ge=0)] = 0  # messages taken and not yet final; above: ESME_RMSGQFUL. 0: no limit
    window: Annotated[int, Meta(ge=0)] = 0  # submits of a session waiting for an answer; above: ESME_RTHROTTLED. 0: no limit
    # -- what becomes of messages
    delivered: Share = 1.0
    failures: tuple[Failure, ...] = (Failure(),)  # the rest is divided among these
    black_hole: bool = False  # everything is taken, nothing is delivered, no receipt comes
    fake_receipts: bool = False  # nothing is delivered, every receipt says DELIVRD
    # -- receipts
    receipt_median_s: Seconds = 0.5  # from the submit
    receipt_sigma: Sigma = 0.0
    receipt_loss: Share = 0.0
    intermediate: Share = 0.0  # an ENROUTE at half the delay first
    duplicate_receipts: Share = 0.0  # the final one twice
    early_receipts: Share = 0.0  # the final one before the answer to its submit
    receipt_text: bool = False  # receipts copy the first 20 characters of the message
    # -- message ids
    message_ids: IdForm = "decimal"  # in submit_sm_resp
    receipt_ids: Literal["same", "decimal", "hex", "padded", "uuid"] = "same"  # in receipts: some write the same number otherwise
    # -- connections
    refuse_binds: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] = 0  # command_status given to every bind; 0: none
    max_binds: Annotated[int, Meta(ge=0)] = 0  # of one system_id; above: ESME_RALYBND. 0: no limit
    drop_after: Annotated[int, Meta(ge=0)] = 0  # submits on a connection, then it is cut. 0: never
    outage: bool = False  # the port is closed and every connection cut

    def __post_init__(self) -> None:
        """Check what spans fields; msgspec turns the error into one that names the place."""
        if sum(self.errors.values()) > 1 + 1e-9:
            raise ValueError("errors: the shares sum to more than 1")
        for status in self.errors:
            parse_status(status)
        if self.delivered < 1 and not self.failures:
            raise ValueError("failures: at least one when not all is delivered")


PRESETS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "calm": {"answer_median_s": 0.02, "answer_sigma": 0.3, "receipt_median_s": 2.0, "receipt_sigma": 0.6, "delivered": 0.98},
        "slow": {"answer_median_s": 0.8, "answer_sigma": 0.5, "receipt_median_s": 20.0, "receipt_sigma": 1.0, "delivered": 0.96},
        "flaky": {
            "answer_median_s": 0.05,
            "answer_sigma": 0.8,
            "no_answer": 0.01,
            "errors": {"0x08": 0.05, "0x45": 0.02},
            "receipt_median_s": 4.0,
            "receipt_sigma": 1.0,
            "receipt_loss": 0.05,
            "duplicate_receipts": 0.02,
            "early_receipts": 0.02,
            "delivered": 0.85,
        },
        "black_hole": {"answer_median_s": 0.02, "black_hole": True},
        "liar": {"answer_median_s": 0.02, "fake_receipts": True, "receipt_median_s": 0.3},
    }
)


def parse_status(text: str) -> int:
    """``0x58`` or ``88`` → 88; raises ``ValueError`` for what is no command_status."""
    status = int(text, 0)
    if not 0 < status <= 0xFFFFFFFF:
        raise ValueError(f"errors: {text} is no error status")
    return status


def changed(base: Temperament, changes: Mapping[str, Any]) -> Temperament:
    """``base`` with some fields replaced; raises ``InvalidTemperament`` and changes nothing when one of them is no good."""
    fields = msgspec.to_builtins(base)
    try:
        return msgspec.convert({**fields, **changes}, Temperament)
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidTemperament(str(error)) from error


class Change(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From ``from_s`` until before ``to_s`` (seconds since the start, or since the period began) these fields are different."""

    from_s: Annotated[float, Meta(ge=0)]
    to_s: Annotated[float, Meta(gt=0)]
    set: dict[str, Any]

    def __post_init__(self) -> None:
        """A change that never applies is a mistake."""
        if self.to_s <= self.from_s:
            raise ValueError("to_s must be after from_s")


class Timetable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes by the clock. With ``repeat_s`` everything begins anew after so many seconds; overlapping changes add up in order."""

    changes: tuple[Change, ...] = ()
    repeat_s: Annotated[float, Meta(ge=0)] = 0.0

    def at(self, base: Temperament, elapsed_s: float) -> Temperament:
        """The temperament so many seconds after the start."""
        fields = self.fields_at(elapsed_s)
        return changed(base, fields) if fields else base

    def fields_at(self, elapsed_s: float) -> dict[str, Any]:
        """The fields that differ from the base at this time."""
        if self.repeat_s > 0:
            elapsed_s %= self.repeat_s
        fields: dict[str, Any] = {}
        for change in self.changes:
            if change.from_s <= elapsed_s < change.to_s:
                fields.update(change.set)
        return fields

    def check(self, base: Temperament) -> None:
        """Raise ``InvalidTemperament`` when any change could not be applied to ``base``."""
        for change in self.changes:
            changed(base, change.set)


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML file: ``[temperament]`` with fields, ``[timetable]`` with ``repeat_s`` and ``[[timetable.changes]]``."""

    preset: str = ""
    temperament: dict[str, Any] = {}
    timetable: Timetable = Timetable()


def read_script(text: str, base: Temperament | None = None) -> tuple[Temperament, Timetable]:
    """A TOML text as (temperament at the start, timetable), over ``base`` unless it names a preset; raises ``InvalidTemperament``."""
    try:
        script = msgspec.convert(tomllib.loads(text), Script)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        raise InvalidTemperament(str(error)) from error
    base = changed(preset(script.preset) if script.preset or base is None else base, script.temperament)
    script.timetable.check(base)
    return base, script.timetable


def preset(name: str) -> Temperament:
    """A temperament by name, the default one for ""; raises ``InvalidTemperament``."""
    if not name:
        return Temperament()
    if name not in PRESETS:
        raise InvalidTemperament(f"preset: {name!r} is not one of {', '.join(PRESETS)}")
    return changed(Temperament(), PRESETS[name])


def parse_setting(text: str) -> dict[str, Any]:
    """``throttle_mps=50`` or ``errors={"0x08"=0.1}`` (the value as in TOML, quotes around words optional) → a change."""
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidTemperament(f"{text!r} is not field=value")
    try:
        return {name.strip(): tomllib.loads(f"value = {value}")["value"]}
    except tomllib.TOMLDecodeError:
        return {name.strip(): value.strip()}
