"""A message as a tenant writes it: shape, limits, and what is said about one that does not fit.

The shape is one msgspec structure, checked while it is decoded (measured: 0.9 µs a message). Only a message that does not fit is
looked at again, field by field, so that every fault is named and not just the first.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from router.discreet import discreet
from router.setting import NAME_PATTERN, ClassWord
from router.tlvs import TAG_PATTERN, TLVS_LIMIT, VALUE_PATTERN

TEXT_LIMIT: Final = 4_590  # characters: 30 segments of 153 septets, more than any carrier joins reliably
SEGMENTS_LIMIT: Final = 30  # what max_segments may ask for
SEGMENTS_DEFAULT: Final = 10  # what a message that does not say may cost
TAGS_LIMIT: Final = 20
TAG_LIMIT: Final = 64  # characters
METADATA_LIMIT: Final = 32  # entries
METADATA_KEY_LIMIT: Final = 64  # characters
METADATA_VALUE_LIMIT: Final = 512  # characters
REFERENCE_LIMIT: Final = 128  # characters
URL_LIMIT: Final = 2_048  # characters
VALIDITY_LIMIT_S: Final = 7 * 86_400
RETENTION_LIMIT_S: Final = 90 * 86_400  # as router.settings allows a tenant

Policy = Annotated[str, Meta(pattern=f"^({NAME_PATTERN.strip('^$')})?$")]
TlvTag = Annotated[str, Meta(pattern=TAG_PATTERN)]
TlvValue = Annotated[str, Meta(pattern=VALUE_PATTERN)]
Tag = Annotated[str, Meta(min_length=1, max_length=TAG_LIMIT)]
MetadataKey = Annotated[str, Meta(min_length=1, max_length=METADATA_KEY_LIMIT)]
MetadataValue = Annotated[str, Meta(max_length=METADATA_VALUE_LIMIT)]


@discreet("to", "sender", "text", "client_ref", "metadata", "webhook_url", "tlvs")
class MessageIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One message to send."""

    to: Annotated[
        str, Meta(max_length=64, description="The recipient's number in E.164, with the plus.", examples=["+447700900123"])
    ]
    text: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=TEXT_LIMIT,
            description="What to say. Nothing is replaced unless `transliterate` asks for it; line feeds and carriage returns are the only control characters.",
            examples=["Your code is 4711"],
        ),
    ]
    sender: Annotated[
        str,
        Meta(
            max_length=64,
            description="Who it is from: a number, a short code or up to 11 letters. Left out: the carrier's default.",
            examples=["ACME"],
        ),
    ] = msgspec.field(name="from", default="")
    klass: Annotated[ClassWord, Meta(description="What it is for: its place in line, its deadline, what it may cost.")] = (
        msgspec.field(name="class", default="transactional")
    )
    profile: Annotated[str, Meta(max_length=64, description="A label of yours, handed through.")] = ""
    client_ref: Annotated[
        str, Meta(max_length=REFERENCE_LIMIT, description="Your own reference; `GET /v1/messages` finds it.")
    ] = ""
    tags: Annotated[tuple[Tag, ...], Meta(max_length=TAGS_LIMIT, description="Labels of yours, handed through.")] = ()
    metadata: Annotated[
        dict[MetadataKey, MetadataValue], Meta(max_length=METADATA_LIMIT, description="Pairs of yours, handed through.")
    ] = {}
    send_at: (
        Annotated[
            datetime,
            Meta(
                tz=True,
                description="When to send (RFC 3339 with an offset), up to 30 days ahead. With an Idempotency-Key a time up to"
                " 24 hours ago counts as now, so that a late retry is still known for what it is.",
                examples=["2030-01-01T09:00:00Z"],
            ),
        ]
        | None
    ) = None
    validity_period: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=VALIDITY_LIMIT_S,
                description="Seconds after which it is not worth sending any more. Left out: the class's own.",
                examples=[300],
            ),
        ]
        | None
    ) = None
    encoding: Annotated[
        Literal["auto", "gsm7", "ucs2"], Meta(description="`auto` takes `gsm7` where it holds the whole text, else `ucs2`.")
    ] = "auto"
    max_segments: Annotated[
        int, Meta(ge=1, le=SEGMENTS_LIMIT, description="A text that needs more segments is refused.", examples=[3])
    ] = SEGMENTS_DEFAULT
    webhook_url: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^\s/?#]+\S*)?(?![\s\S])",
            max_length=URL_LIMIT,
            description="Where to tell of this message's end, instead of the tenant's own webhook.",
            examples=["https://example.com/hooks/sms"],
        ),
    ] = ""
    policy: Annotated[
        Policy,
        Meta(
            description="How to weigh price, delivery and speed: `balanced`, `cheapest`, `fastest`, `reliable`, or a policy of the"
            " system's settings. Left out: the tenant's choice for the class.",
            examples=["cheapest"],
        ),
    ] = ""
    retention: (
        Annotated[
            int,
            Meta(ge=60, le=RETENTION_LIMIT_S, description="Seconds to keep text and number after its end.", examples=[86_400]),
        ]
        | None
    ) = None
    transliterate: Annotated[
        bool | None,
        Meta(
            description="Replace curly quotes, dashes, accents and the like where that makes the whole text `gsm7`, and"
            " nothing where it does not. Left out: the tenant's choice. The preview shows what is replaced."
        ),
    ] = None
    flash: Annotated[bool, Meta(description="Show it at once and keep it nowhere, where phone and carrier do that.")] = False
    tlvs: Annotated[
        dict[TlvTag, TlvValue],
        Meta(
            max_length=TLVS_LIMIT,
            description="Optional parameters that a carrier asks for, 0x1400 to 0x3FFF, in hexadecimal: in India 0x1400 is the"
            " sender's registration and 0x1401 the template's, as the octets of their digits.",
            examples=[{"0x1400": "31323031313539"}],
        ),
    ] = {}


class FieldFault(Struct, frozen=True):
    """What is wrong with one field. ``code`` becomes the problem's when all faults share it."""

    pointer: str  # a JSON pointer (RFC 6901) into the message
    detail: str
    code: str = "invalid_message"


class Malformed(NamedTuple):
    """The octets are no JSON (or msgpack) at all."""

    detail: str


_json = msgspec.json.Decoder(MessageIn)
_msgpack = msgspec.msgpack.Decoder(MessageIn)
_loose_json = msgspec.json.Decoder()
_loose_msgpack = msgspec.msgpack.Decoder()

# What decoders raise for octets from outside: bad syntax and bad types, bad UTF-8 (a ValueError of its own), nesting without end, and map keys
# that cannot be keys.
DECODE_ERRORS: Final = (ValueError, RecursionError, TypeError, OverflowError)

_HINTS: Final = get_type_hints(MessageIn, include_extras=True)
_FIELDS: Final = {field.encode_name: field for field in msgspec.structs.fields(MessageIn)}
# One structure a field, because msgspec compiles the check of a structure once and that of a bare type each time.
_CHECKS: Final = {
    name: msgspec.defstruct(f"Only_{field.name}", [(field.name, _HINTS[field.name], msgspec.field(name=name))])
    for name, field in _FIELDS.items()
}


def decode_message(octets: bytes | msgspec.Raw, *, packed: bool = False) -> "MessageIn | list[FieldFault] | Malformed":
    """Octets (JSON, or msgpack when ``packed``) to a message that fits its shape, or all that is wrong with it."""
    try:
        return (_msgpack if packed else _json).decode(octets)
    except msgspec.ValidationError as error:
        return _faults(octets, error, packed=packed)
    except DECODE_ERRORS as error:
        return Malformed(_reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "The nesting is too deep."
    if isinstance(error, UnicodeError):
        return "A text is not valid UTF-8."
    return f"{error}."


def reason_of(error: Exception) -> str:
    """A decoder's error as a sentence for users."""
    return _reason(error)


def _faults(octets: bytes | msgspec.Raw, error: msgspec.ValidationError, *, packed: bool) -> "list[FieldFault] | Malformed":
    try:
        value = (_loose_msgpack if packed else _loose_json).decode(octets)
    except DECODE_ERRORS as loose_error:
        return Malformed(_reason(loose_error))
    return examine(value) or [FieldFault("", f"{error}.")]


def escape(name: str) -> str:
    """A name as a step of a JSON pointer (RFC 6901, 3)."""
    return name.replace("~", "~0").replace("/", "~1")


def examine(value: Any) -> list[FieldFault]:
    """Everything that is wrong with the shape of a decoded value that ought to be a message."""
    if not isinstance(value, dict):
        return [FieldFault("", "A message is an object.")]
    faults = [
        FieldFault(f"/{name}", "This field is missing.", "missing_field")
        for name, field in _FIELDS.items()
        if field.required and name not in value
    ]
    for name, content in value.items():
        check = _CHECKS.get(name) if isinstance(name, str) else None
        if check is None:
            shown = name if isinstance(name, str) else repr(name)
            faults.append(FieldFault(f"/{escape(shown[:64])}", "There is no such field.", "unknown_field"))
            continue
        try:
            msgspec.convert({name: content}, check)
        except DECODE_ERRORS as error:
            faults.append(_field_fault(name, str(error)))
    return faults


def _field_fault(name: str, said: str) -> FieldFault:
    """A sentence of msgspec's ("Expected `str`, got `int` - at `$.tags[0]`") as a fault: path apart, sentence ended."""
    detail, _, path = said.partition(" - at `")
    pointer = path.rstrip("`").removeprefix("key in ").removeprefix("$").replace("[...]", "").replace("[", "/").replace("]", "")
    pointer = pointer.replace(".", "/")
    return FieldFault(pointer if pointer.startswith(f"/{name}") else f"/{name}", f"{_WORDS.get(name, detail)}.")


_WORDS: Final = {
    "webhook_url": f"Expected an http or https address of at most {URL_LIMIT} characters",
    "class": "Expected one of " + ", ".join(get_args(ClassWord)),
    "policy": "Expected the name of a policy: small letters, digits, - and _",
    "tlvs": f"Expected at most {TLVS_LIMIT} tags from 0x1400 to 0x3FFF, each with up to 255 octets in hexadecimal",
    "encoding": "Expected one of auto, gsm7, ucs2",
}
