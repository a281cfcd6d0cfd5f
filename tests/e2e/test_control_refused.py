"""What the control plane is asked in vain: each reason has its status."""

import errno
import os

import pytest

from helpers.control import Control
from helpers.faults import FOREVER, Faults
from helpers.peers import echo, pair, stalled, talk_to


def test_outputs_that_cannot_be(teeline, server, tmp_path):
    peer = server(echo)
    control = Control(teeline.proxy(
        peer.target, "-f", "none", "--control", "0", "-o",
        "null:,name=nothing", "--writable", tmp_path))
    there = tmp_path / "there"
    there.write_text("precious")

    def refused(status, text):
        return control.problem(
            status, "POST", "outputs", body={"output": text})

    assert "bogus" in refused(422, "bogus:x")
    assert refused(422, "jsonl")
    assert refused(422, f"jsonl:{tmp_path}/y,on-full=never")
    assert refused(409, "null:,name=nothing")
    assert refused(409, f"jsonl:{there}")
    assert there.read_text() == "precious"
    assert refused(422, f"jsonl:{there}/below/a/file")
    assert refused(409, f"pcapng-listen:127.0.0.1:{control.port}")
    assert control.problem(404, "DELETE", "outputs/bogus")
    assert control.problem(404, "GET", "outputs/bogus")
    assert control.problem(404, "POST", "outputs/bogus/rotate")
    assert control.problem(409, "POST", "outputs/nothing/rotate")
    assert [one["name"] for one in control.get("outputs")["outputs"]] == [
        "nothing"]


@pytest.mark.parametrize("status, error", [
    (403, errno.EACCES), (403, errno.EROFS), (500, errno.EIO),
    (503, errno.EMFILE), (503, errno.ENFILE), (507, errno.ENOSPC)])
@pytest.mark.parametrize("kind", ["jsonl", "pcapng"])
def test_what_the_system_refuses_has_a_status(teeline, server, tmp_path, kind,
                                              status, error):
    """A file that cannot be made, whichever the reason; then it can be."""
    faults = Faults(tmp_path)
    control = Control(teeline.proxy(
        server(echo).target, "-f", "none", "--control", "0", "--writable",
        tmp_path, env=faults.env))
    rule = faults.fail("open", error, tmp_path / "x", count=FOREVER)
    text = {"output": f"{kind}:{tmp_path}/x"}
    detail = control.problem(status, "POST", "outputs", body=text)
    assert os.strerror(error) in detail
    assert control.get("outputs") == {"outputs": []}
    rule.lift()
    assert control.ask("POST", "outputs", text).status == 201


def test_outputs_stay_as_they_are_while_the_run_ends(teeline, server):
    """It waits for a server that takes nothing, and can be asked."""
    peer = server(rcvbuf=4096)
    proxy = teeline.proxy(
        peer.target, "-f", "none", "--control", "0", "--drain-time", "60",
        "-o", "null:,name=count")
    control = Control(proxy)
    client, there = pair(proxy, peer)
    stalled(client, bytes(65536))
    assert control.ask("POST", "drain").status == 202
    for method, path, body in (
            ("POST", "outputs", {"output": "null:"}),
            ("POST", "outputs/count/rotate", None),
            ("DELETE", "outputs/count", None)):
        answer = control.ask(method, path, body)
        assert answer.status == 503, path
        assert answer.headers["Retry-After"]
        assert "the run ends" in answer.json()["detail"]
    assert len(control.get("outputs")["outputs"]) == 1
    there.close()
    client.close()
    proxy.wait()


def test_an_output_that_hangs(teeline, server, tmp_path):
    """The system holds its thread: what is asked of it later is answered."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    full = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        while os.write(full, b"x"):
            pass
    os.close(full)
    proxy = teeline.proxy(
        server(echo).target, "-f", "none", "--control", "0", "--drain-time",
        "0.5", "-o", f"raw:{pipe},name=pipe,queue=64KiB,on-full=drop")
    control = Control(proxy)
    talk_to(proxy)
    proxy.idle()
    for _ in range(2):
        assert "hangs" in control.problem(409, "DELETE", "outputs/pipe")
    assert control.get("outputs/pipe")["state"] == "stuck"
    os.close(reader)
    proxy.stop()
