"""The page: outputs, the balance sheet, the log, and the end."""

import json
import re

from helpers import records
from helpers.control import Control
from helpers.peers import connect, echo, recv_exactly
from helpers.wait import wait_until


def outputs(page):
    """{name: (what, offered, written, lost)} of the table."""
    return {row[0]: tuple(row[1:]) for row in page.js("""
        return [...document.querySelectorAll("#outputs-body tr")].map((tr) =>
            [0, 1, 3, 4, 6].map((i) => tr.children[i].innerText.trim()));
        """)}


def wait_output(page, name, *values):
    wait_until(lambda: outputs(page).get(name) == values, every=0.05,
               what=lambda: f"{name} {values} in {outputs(page)}")


def test_outputs_come_and_go(teeline, server, page, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    proxy = teeline.proxy(server(echo).target, "-f", "none", "--control", "0",
                          "-o", f"jsonl:{first},name=one")
    page.open(Control(proxy), "#outputs")
    wait_output(page, "one", f"jsonl:{first},name=one", "0 B", "0 B", "nothing")
    page.type("#output-text", f"jsonl:{second},name=two")
    page.press("ENTER")
    wait_until(lambda: "two" in outputs(page))
    client = connect(proxy.port)
    client.sendall(b"heard")
    assert recv_exactly(client, 5) == b"heard"
    client.close()
    wait_until(lambda: outputs(page)["two"][1:] == ("10 B", "10 B",
                                                    "nothing"), every=0.05)
    page.click('[data-key="Rotate one"]')
    page.wait_text("#toast", "“one” begins new files.")
    page.click('[data-key="Remove two"]')
    page.wait_text("#ask-title", "Remove output “two”?")
    page.click("#ask-no")
    page.click('[data-key="Remove two"]')
    page.click("#ask-yes")
    wait_until(lambda: list(outputs(page)) == ["one"], every=0.05)
    session, = records.jsonl(second)
    assert session.reason == "fin"


def test_an_output_of_some_inputs(teeline, server, page, tmp_path):
    """Boxes instead of input=, where there is something to choose."""
    peer = server(echo)
    path = tmp_path / "conf"
    path.write_text(json.dumps({
        "inputs": [{"name": name, "type": "proxy", "listen": "127.0.0.1:0",
                    "target": peer.target} for name in ("web", "mail")],
        "outputs": [],
        "control": {"listen": "0"}}))
    run = teeline.start("run", path, count=2)
    page.open(Control(run), "#outputs")
    page.wait_seen("#output-inputs")
    page.type("#output-text", "null:,name=all")
    page.press("ENTER")
    wait_output(page, "all", "null:,name=all hears web, mail", "0 B", "0 B",
                "nothing")
    page.click('#output-inputs [value="web"]')
    page.type("#output-text", "null,name=some")
    page.press("ENTER")
    wait_output(page, "some", "null,name=some,input=mail hears mail", "0 B",
                "0 B", "nothing")
    page.click('#output-inputs [value="mail"]')
    page.type("#output-text", "null:,name=none")
    page.press("ENTER")
    page.wait_text("#add-problem", "It has to hear at least one input.")
    assert sorted(outputs(page)) == ["all", "some"]


def test_an_output_that_cannot_be(teeline, server, page):
    proxy = teeline.proxy(server(echo).target, "-f", "none", "--control", "0")
    page.allow("422")
    page.open(Control(proxy), "#outputs")
    page.wait_seen("#outputs-none")
    page.type("#output-text", "bogus:x")
    page.press("ENTER")
    page.wait_text("#add-problem", lambda said: "bogus" in said)
    assert page.focus() == "output-text"
    page.type("#output-text", "null:")
    page.press("ENTER")
    wait_until(lambda: "null" in outputs(page))
    assert not page.sees("#add-problem")


def test_what_an_output_lost(teeline, server, page):
    """A target that nobody listens at."""
    proxy = teeline.proxy(server(echo).target, "-f", "none", "--control", "0",
                          "-o", "tee:127.0.0.1:1,name=copy")
    client = connect(proxy.port)
    client.sendall(b"x" * 2048)
    assert len(recv_exactly(client, 2048)) == 2048
    page.open(Control(proxy), "#outputs")
    wait_until(lambda: "2.0 KiB" in outputs(page)["copy"][3], every=0.05,
               what=lambda: outputs(page))
    page.wait_text("#figure-dropped", "2.0 KiB")


def sheet(page, title):
    """{name: [figures]} of a card."""
    return dict(page.js("""
        const card = [...document.querySelectorAll(".card")].find((one) =>
            one.querySelector("h3").innerText === arguments[0]);
        return card ? [...card.querySelectorAll("tbody tr")].map((tr) =>
            [tr.children[0].innerText, [...tr.querySelectorAll("td")]
                .map((td) => td.innerText)]) : [];
        """, title))


def test_balance_sheet(teeline, server, page):
    proxy = teeline.proxy(server(echo).target, "-f", "none", "--control", "0")
    client = connect(proxy.port)
    client.sendall(b"x" * 1234)
    assert len(recv_exactly(client, 1234)) == 1234
    page.open(Control(proxy), "#program")
    wait_until(lambda: sheet(page, "Bytes").get("delivered") ==
               ["1,234", "1,234"], every=0.05)
    assert sheet(page, "Sessions")["open"] == ["1"]
    client.close()
    wait_until(lambda: sheet(page, "Sessions").get("ends: fin") == ["1"],
               every=0.05)
    assert re.match(rf"teeline \S+, process {proxy.pid}\.$",
                    page.text("#version"))
    assert page.text("#inputs") == f"Listens in on proxy {proxy.addresses[0]}."


def test_log_level(teeline, server, page):
    proxy = teeline.proxy(server(echo).target, "-f", "none", "--control", "0")
    control = Control(proxy)
    page.open(control, "#program")
    before = control.get("log")["level"]
    assert before != "debug"
    wait_until(lambda: page.find("#log-level").get_attribute("value") ==
               before, every=0.05)
    page.click('#log-level option:nth-child(4)')
    page.wait_text("#toast", "Log level: debug.")
    assert control.get("log")["level"] == "debug"


def test_drain(teeline, server, page):
    proxy = teeline.proxy(server(echo).target, "-f", "none", "--control", "0")
    page.allow("ERR_")
    page.open(Control(proxy), "#program")
    page.click("#drain")
    page.click("#ask-no")
    page.wait_seen("#ask", False)
    assert proxy.alive
    page.click("#drain")
    page.click("#ask-yes")
    proxy.wait()
    page.wait_text("#live-text", "offline")
