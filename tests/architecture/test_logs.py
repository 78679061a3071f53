"""Logs: events with stable names and ids; never a message's text, never a phone number, never a secret."""

import ast
import re
from types import SimpleNamespace

LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
EVENT = re.compile(r"[a-z_]+(\.[a-z_]+|\.%s)+( |$)")
CONVERSION = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?([a-zA-Z%])")
# Names under which texts, numbers and secrets go about in the code.
PRIVATE = {"text", "body", "to", "number", "numbers", "sender", "recipient", "recipients", "msisdn", "destination", "digits"}
PRIVATE |= {"short_message", "plaintext", "password", "secret", "secrets", "metadata", "webhook_url", "authorization", "pdu"}


def calls(source):
    """Log calls with their format and arguments."""
    for node in source.nodes:
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        owner = node.func.value
        name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
        if name.strip("_") not in {"log", "logger", "logging"}:
            continue
        arguments = node.args[1:] if node.func.attr == "log" else node.args
        if arguments:
            yield node, arguments[0], arguments[1:]


def wrong(told, arguments):
    """What is wrong with a log call; "" when nothing is."""
    if not (isinstance(told, ast.Constant) and isinstance(told.value, str)):
        return "its event is put together at run time"
    if not EVENT.match(told.value):
        return "its event has no dotted name"
    kinds = [kind for kind in CONVERSION.findall(told.value) if kind != "%"]
    if len(kinds) != len(arguments):
        return f"it has {len(kinds)} places for {len(arguments)} arguments"
    for kind, argument in zip(kinds, arguments, strict=True):
        nodes = list(ast.walk(argument))
        if any(isinstance(node, ast.JoinedStr) for node in nodes):
            return "an f-string is made whether it is logged or not"
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        # A figure (%d, %f) is a count or the number of a session: texts and phone numbers are strings and would not fit.
        if kind not in "dfg" and names & PRIVATE:
            return f"it may tell {sorted(names & PRIVATE)}"
    return ""


def test_logs_are_events_and_tell_nothing_private(sources):
    found = [(source, *call) for source in sources for call in calls(source)]
    assert len(found) > 20
    assert [f"{s.at(node)}: {said}" for s, node, told, arguments in found if (said := wrong(told, arguments))] == []


def test_an_indiscreet_log_is_seen():
    bad = (
        'log.info(f"a.b x={x}")',
        'log.info("sent to %s", x)',
        'log.info("a.b to=%s", to)',
        'log.warning("a.b text=%s", message.text)',
        'log.log(10, "a.b n=%s", body.number)',
        'self._log.info("a.b n=%s", f"{x}")',
        'log.info("a.b n=%s m=%s", x)',
    )
    for line in bad:
        source = SimpleNamespace(nodes=list(ast.walk(ast.parse(line))))
        (call,) = calls(source)
        assert wrong(*call[1:]), line
    good = 'log.info("a.b session=%d waiting=%d", self.number, len(texts))'
    (call,) = calls(SimpleNamespace(nodes=list(ast.walk(ast.parse(good)))))
    assert wrong(*call[1:]) == ""
