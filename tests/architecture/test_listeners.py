"""No server of ours listens to the world unless its operator says so."""

import ast
from types import SimpleNamespace

from router.settings import Settings

EVERYWHERE = {"0.0.0.0", "::", "", "*"}
# Calls that open a listener: where the host stands among the positional arguments, and its keyword
LISTENERS = {
    "create_server": (1, "host"),
    "start_server": (1, "host"),
    "TCPSite": (1, "host"),
    "run_app": (1, "host"),
    "Config": (9, "host"),
}
MUST_SAY = {"create_server", "start_server", "TCPSite", "run_app"}  # without a host these listen everywhere


def hosts(node):
    """The arguments of a call that say where to listen; None: it does not say."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name == "bind" and len(node.args) == 1 and isinstance(node.args[0], ast.Tuple):
        return [node.args[0].elts[0]]
    if name not in LISTENERS:
        return []
    place, keyword = LISTENERS[name]
    words = {one.arg: one.value for one in node.keywords}
    if "sock" in words or "sockets" in words:
        return []
    if keyword in words:
        return [words[keyword]]
    if len(node.args) > place:
        return [node.args[place]]
    return [None] if name in MUST_SAY else []


def opened(source):
    """Places that listen everywhere."""
    for node in source.nodes:
        if isinstance(node, ast.Constant) and node.value == "0.0.0.0":
            yield source.at(node)
        if isinstance(node, ast.Call):
            for host in hosts(node):
                if host is None or (isinstance(host, ast.Constant) and host.value in {None, *EVERYWHERE}):
                    yield source.at(node)


def test_nobody_listens_everywhere(sources):
    assert [place for source in sources for place in opened(source)] == []


def test_an_open_listener_is_seen():
    for text in ('s.bind(("", 80))', "start_server(serve)", "TCPSite(r, None, 80)", "create_server(f)", 'HOST = "0.0.0.0"'):
        source = SimpleNamespace(nodes=list(ast.walk(ast.parse(text))), at=ast.dump)
        assert list(opened(source)), text
    kept = SimpleNamespace(nodes=list(ast.walk(ast.parse('s.bind(("127.0.0.1", 0)); start_server(serve, host, 0)'))), at=ast.dump)
    assert list(opened(kept)) == []


def test_the_api_listens_on_loopback_by_default(root):
    assert Settings().api.host == "127.0.0.1"
    assert "0.0.0.0" not in (root / "trunkline.example.toml").read_text("utf-8")
