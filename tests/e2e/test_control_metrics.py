"""/metrics, as Prometheus reads it."""

import json
import subprocess
import urllib.request

import pytest

from helpers.control import Control
from helpers.hearing import Tap
from helpers.peers import closed_port, connect, echo, recv_exactly
from helpers.real import free_port, tool
from helpers.wait import SCALE, wait_until
from test_tap import netcat


def start(teeline, server, *options):
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "0",
                          *options)
    return proxy, Control(proxy)


def talk(proxy, size=1000):
    client = connect(proxy.port)
    client.sendall(b"x" * size)
    assert recv_exactly(client, size)
    return client


def test_names_and_values(teeline, server, tmp_path):
    proxy, control = start(teeline, server,
                           "-o", f"jsonl:{tmp_path}/log,name=log")
    first, second = talk(proxy), talk(proxy)
    first.close()
    wait_until(lambda: control.metrics()["teeline_sessions_active"] == 1)
    wait_until(lambda: control.metrics()[
        'teeline_output_written_bytes_total{output="log"}'] == 4000)
    found = control.metrics()
    version = control.get("version")["version"]
    assert found[f'teeline_build_info{{version="{version}"}}'] == 1
    assert found['teeline_sessions_total{end="fin"}'] == 1
    assert found['teeline_sessions_total{end="rst"}'] == 0
    assert found["teeline_sessions_opened_total"] == 2
    for direction in ("c2s", "s2c"):
        name = ('teeline_stream_bytes_total'
                f'{{input="proxy",direction="{direction}"}}')
        assert found[name] == 2000
    assert found["teeline_stream_gap_bytes_total"] == 0
    assert found["teeline_stream_overlap_conflicts_total"] == 0
    for reason in ("queue_full", "no_consumer", "startup_full", "closing",
                   "write_error", "gone"):
        assert found['teeline_output_dropped_bytes_total'
                     f'{{output="log",reason="{reason}"}}'] == 0
    assert found['teeline_output_queue_bytes{output="log"}'] == 0
    # Those that asked were there as well.
    assert abs(found["process_open_fds"] - proxy.descriptors()) < 9
    assert 0 < found["process_cpu_seconds_total"] < 60 * SCALE
    assert found["process_resident_memory_bytes"] > 1_000_000
    assert found['teeline_control_responses_total{class="2xx"}'] > 0
    assert not any(name.startswith("teeline_capture_packets_total{")
                   for name in found)
    second.close()


def test_drops_are_those_of_the_sheet(teeline, server):
    """An output that reaches nobody: what it lost, in the sheet's words."""
    address, holder = closed_port()
    with holder:
        proxy, control = start(
            teeline, server, "-o", f"tee:{address},name=copy")
        talk(proxy, 5000).close()
        wait_until(lambda: control.get("outputs/copy")["dropped"])
        sheet, = control.get("stats")["sinks"]
        found = control.metrics()
    for reason in ("queue_full", "no_consumer", "startup_full", "closing",
                   "write_error", "gone"):
        dropped = sheet["dropped"].get(reason, {"bytes": 0})["bytes"]
        assert found['teeline_output_dropped_bytes_total'
                     f'{{output="copy",reason="{reason}"}}'] == dropped
    assert sum(one["bytes"] for one in sheet["dropped"].values()) == 5000


def test_promtool_has_nothing_to_say(teeline, server, tmp_path):
    proxy, control = start(teeline, server,
                           "-o", f"flows:{tmp_path}/flows,name=some-name")
    talk(proxy).close()
    text = control.ask("GET", "/metrics", token=None)
    assert text.headers["Content-Type"] == (
        "text/plain; version=0.0.4; charset=utf-8")
    found = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=text.body,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (found.returncode, found.stdout) == (0, b"")


def test_a_capture_counts_by_interface(teeline, wire, tmp_path):
    tap = Tap(teeline, tmp_path, wire.client, "--control",
              f"unix:{tmp_path}/control")
    control = Control(tap.run)
    one, = control.get("inputs")["inputs"]
    assert (one["kind"], one["interface"]) == ("tap", "eth0")
    netcat(wire, tmp_path, (100_000, 100_000))
    tap.closed(1)
    sheet = control.get("stats")
    found = control.metrics()
    assert sheet["packets"]["received"] > 20
    assert found['teeline_capture_packets_total{iface="eth0"}'] >= (
        sheet["packets"]["received"])
    for reason in ("kernel", "nic"):
        assert found['teeline_capture_dropped_packets_total'
                     f'{{iface="eth0",reason="{reason}"}}'] == 0
    assert found['teeline_sessions_total{end="fin"}'] == 1
    session, = control.get("sessions")["sessions"]
    assert session["source"] == "tap" and session["packets"]["c2s"] > 5
    assert session["bytes"] == {"c2s": 100_000, "s2c": 100_000}
    tap.stop()


@pytest.mark.deadline(120)
def test_a_real_prometheus_scrapes(teeline, server, tmp_path):
    proxy, control = start(teeline, server)
    port = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(json.dumps({"scrape_configs": [{
        "job_name": "teeline", "scrape_interval": "1s",
        "static_configs": [{"targets": [f"127.0.0.1:{control.port}"]}]}]}))
    with open(tmp_path / "log", "wb") as log:
        prometheus = subprocess.Popen(
            [tool("prometheus"), f"--config.file={config}",
             f"--storage.tsdb.path={tmp_path}/data",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log)
    try:
        def ask(what):
            url = f"http://127.0.0.1:{port}/api/v1/{what}"
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    return json.load(answer)["data"]
            except OSError:
                return None

        def value(query):
            found = ask(f"query?query={query}")
            return found and [float(one["value"][1])
                              for one in found["result"]]

        wait_until(lambda: value("teeline_sessions_active") == [0], 60)
        clients = [talk(proxy) for _ in range(3)]
        wait_until(lambda: value("teeline_sessions_active") == [3], 60)
        assert value("sum(teeline_stream_bytes_total)") == [6000]
        target, = ask("targets")["activeTargets"]
        assert target["health"] == "up" and target["lastError"] == ""
        for client in clients:
            client.close()
    finally:
        prometheus.terminate()
        prometheus.wait(30)
