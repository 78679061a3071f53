"""Ray with and without tokens: a cluster of ours answers nobody who has none, and we join none that does."""

import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from actors.cli.system import StartFailed, System
from actors.cluster import QUESTION, READY_LINE, OpenCluster, refuse_open, token_file
from router.settings import Settings

pytestmark = pytest.mark.timeout(300)

OURS = "from actors.cluster import run_head; import pathlib, sys; run_head(pathlib.Path(sys.argv[1]), 0)"
OPEN = (
    "import os, pathlib, sys; import actors.cluster as c;"
    "c.use_token = lambda _: os.environ.__setitem__('RAY_AUTH_MODE', 'disabled');"
    "c.run_head(pathlib.Path(sys.argv[1]), 0)"
)
ATTACH = (
    "import sys, ray; from actors.cluster import stay_on_loopback; stay_on_loopback();"
    "ray.init(address=sys.argv[1], log_to_driver=False, _node_ip_address='127.0.0.1'); print('attached')"
)


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return kept | {"PYTHONUNBUFFERED": "1", "RAY_USAGE_STATS_ENABLED": "0"} | more


@pytest.fixture(params=[OURS, OPEN], ids=["ours", "open"])
def head(request, tmp_path):
    """A head of its own: its address and data folder, and whether it is ours."""
    command = [sys.executable, "-c", request.param, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()) as process:
        assert process.stdout is not None
        try:
            line = next(line for line in process.stdout if line.startswith(READY_LINE))
            yield line.split()[2], tmp_path, request.param == OURS
        finally:
            process.terminate()
            process.wait(60)


def attach(address: str, **more: str) -> str:
    command = [sys.executable, "-c", ATTACH, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment(**more))
    return done.stdout


def ask(address: str, token: str) -> grpc.StatusCode:
    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary(QUESTION)(b"", timeout=20, metadata=[("authorization", f"Bearer {token}")] if token else [])
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def test_nobody_gets_in_without_the_token_and_no_open_cluster_is_joined(head, tmp_path_factory, monkeypatch):
    address, folder, ours = head
    if not ours:
        assert ask(address, "") is grpc.StatusCode.OK
        with pytest.raises(OpenCluster):
            refuse_open(address)
        monkeypatch.setenv("RAY_ADDRESS", address)
        empty: Path = tmp_path_factory.mktemp("system")
        with pytest.raises(StartFailed, match="asks nobody for a token"):
            System(empty).up(Settings(), config="")
        assert not (empty / "journal").exists(), "nothing is started"
        return
    refuse_open(address)
    token = token_file(folder).read_text()
    assert token_file(folder).stat().st_mode & 0o777 == 0o600
    assert ask(address, "") is grpc.StatusCode.UNAUTHENTICATED
    assert ask(address, "0" * 64) is grpc.StatusCode.UNAUTHENTICATED
    assert ask(address, token) is grpc.StatusCode.OK
    assert "attached" not in attach(address, RAY_AUTH_MODE="disabled")
    assert "attached" not in attach(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="1" * 64)
    assert "attached" in attach(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token)
