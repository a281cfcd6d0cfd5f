"""The page: sessions as they come, are looked for, and go."""

import re

from helpers.browser import NARROW
from helpers.control import Control
from helpers.peers import (
    connect, echo, half_close, recv_all, recv_exactly, reset, was_reset)
from helpers.program import PORTABLE
from helpers.wait import wait_until


def start(teeline, peer, *options):
    """A proxy with a page; it, and its control plane."""
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "0",
                          *options)
    return proxy, Control(proxy)


def ask(client, question):
    """Says something, and waits for its echo."""
    client.sendall(question)
    assert recv_exactly(client, len(question)) == question


def address(client):
    host, port = client.getsockname()
    return f"{host}:{port}"


def test_sessions_appear_and_go(teeline, server, page):
    peer = server(echo)
    proxy, control = start(teeline, peer)
    page.open(control)
    assert page.text("#sessions-none") == "No session yet."
    first = connect(proxy.port)
    page.wait_row(1, who=address(first), to=peer.target, state="open")
    assert not page.sees("#sessions-none")
    ask(first, b"question")
    page.wait_row(1, c2s="8 B", s2c="8 B")
    second = connect(proxy.port)
    page.wait_row(2, who=address(second), c2s="0 B", s2c="0 B")
    page.wait_text("#figure-open", "2")
    page.wait_ids("#2", "#1")
    first.close()
    page.wait_row(1, state="fin", missing="")
    reset(second)
    page.wait_row(2, state="rst")
    page.wait_text("#figure-open", "0")
    page.wait_text("#count", "2 sessions")


def test_half_closed(teeline, server, page):
    """What the page shows of it was told, not asked for."""
    peer = server()
    proxy, control = start(teeline, peer)
    page.open(control)
    client = connect(proxy.port)
    there = peer.accept()
    page.wait_row(1, state="open")
    half_close(client)
    assert recv_all(there) == b""
    page.wait_row(1, state="half-closed", missing="")
    there.close()
    page.wait_row(1, state="fin")


def test_what_was_there_before(teeline, server, page):
    peer = server(echo)
    proxy, control = start(teeline, peer)
    gone = connect(proxy.port)
    ask(gone, b"before")
    gone.close()
    wait_until(lambda: control.get("sessions?state=closed")["total"] == 1)
    client = connect(proxy.port)
    ask(client, b"x" * 5000)
    wait_until(lambda: control.get("sessions?state=open")["total"] == 1)
    page.open(control)
    page.wait_row(1, state="fin", c2s="6 B")
    page.wait_row(2, state="open", c2s="4.9 KiB", s2c="4.9 KiB")


def test_token(teeline, server, page):
    _, control = start(teeline, server(echo))
    page.open(control)
    assert control.token not in page.driver.current_url
    kept = page.js("return JSON.stringify(localStorage)")
    assert control.token not in kept, "a token that outlives its tab"
    page.reload()


def test_no_token_yet(teeline, server, page):
    _, control = start(teeline, server(echo))
    page.allow("401")
    page.open(control, token=False)
    page.wait_seen("#token")
    assert "token" in page.text("#offline-text")
    page.type("#token-text", "nonsense")
    page.press("ENTER")
    page.wait_seen("#token")
    page.type("#token-text", f"{control.url}#token={control.token}")
    page.press("ENTER")
    page.wait_live()
    page.wait_seen("#token", False)
    page.wait_seen("#offline", False)


def test_nobody_asks_for_a_token(teeline, server, page):
    proxy, control = start(teeline, server(echo), "--control-no-token")
    client = connect(proxy.port)
    page.open(control)
    page.wait_row(1, who=address(client))


def test_filter(teeline, server, page):
    proxy, control = start(teeline, server(echo))
    clients = [connect(proxy.port) for _ in range(12)]
    page.open(control)
    page.wait_row(12)
    clients[4].close()
    page.wait_row(5, state="fin")
    page.press("/")
    assert page.focus() == "filter"
    page.type("#filter", address(clients[7]))
    page.wait_text("#count", "1 of 12 sessions")
    page.wait_ids("#8")
    page.type("#filter", "127.0.0.1 FIN")
    page.wait_text("#count", "1 of 12 sessions")
    page.wait_ids("#5")
    page.type("#filter", "#1")
    page.wait_text("#count", "4 of 12 sessions")
    page.type("#filter", "nobody")
    page.wait_text("#sessions-none", "No session is like that.")
    page.press("ESCAPE")
    page.wait_text("#count", "12 sessions")
    page.click('[data-state="closed"]')
    page.wait_text("#count", "1 of 12 sessions")
    page.wait_ids("#5")
    page.click('[data-state="open"]')
    page.wait_text("#count", "11 of 12 sessions")
    # One that comes while a filter is on is judged by it, too.
    clients.append(connect(proxy.port))
    page.wait_row(13)
    clients[3].close()
    page.wait_text("#count", "11 of 13 sessions")


def test_sort(teeline, server, page):
    proxy, control = start(teeline, server(echo))
    clients = [connect(proxy.port) for _ in range(3)]
    for client, size in zip(clients, (300, 10, 2000)):
        ask(client, b"x" * size)
    page.open(control)
    page.wait_row(3, c2s="2.0 KiB")
    page.wait_ids("#3", "#2", "#1")
    page.click(".c-c2s button")
    page.wait_ids("#3", "#1", "#2")
    sorted_by = page.find('[role="columnheader"].c-c2s')
    assert sorted_by.get_attribute("aria-sort") == "descending"
    page.click(".c-c2s button")
    page.wait_ids("#2", "#1", "#3")
    assert sorted_by.get_attribute("aria-sort") == "ascending"
    # The order follows what happens.
    ask(clients[1], b"x" * 500)
    page.wait_ids("#1", "#2", "#3")


def test_keyboard(teeline, server, page):
    proxy, control = start(teeline, server(echo))
    clients = [connect(proxy.port) for _ in range(3)]
    for number, client in enumerate(clients, 1):
        ask(client, b"I am %d\n" % number)
    page.open(control)
    page.wait_row(3, c2s="7 B")
    page.press("/", "ENTER")
    assert page.focus() == "sessions"
    page.press("ARROW_DOWN")
    wait_until(lambda: page.find("#sessions").get_attribute(
        "aria-activedescendant") == "session-2", what="#2 is pointed at")
    page.press("ENTER")
    page.wait_text("#details-id", "#2")
    page.wait_line("c2s", "I am 2\\n")
    assert page.focus() == "lines"
    page.press("h")
    page.wait_text("#mode-hex", lambda _: page.find(
        "#mode-hex").get_attribute("aria-pressed") == "true")
    page.press("t", "ESCAPE")
    page.wait_seen("#details", False)
    assert page.focus() == "sessions"
    page.press("END", "ENTER")
    page.wait_text("#details-id", "#1")
    page.press("ESCAPE", "2")
    page.wait_seen("#view-outputs")
    page.press("?")
    page.wait_seen("#help")
    assert "filter the sessions" in page.text("#help-keys")
    page.press("ESCAPE")
    page.wait_seen("#help", False)
    page.press("1")
    page.wait_seen("#view-sessions")


def test_letters_can_be_switched_off(teeline, server, page):
    _, control = start(teeline, server(echo))
    page.open(control)
    page.press("?")
    page.click("#keys-enabled")
    page.press("ESCAPE", "2", "/", "?")
    assert page.sees("#view-sessions") and page.focus() != "filter"
    assert not page.sees("#help")
    page.reload()
    page.press("2")
    assert page.sees("#view-sessions"), "forgotten with a reload"


def test_closing_a_session_after_asking(teeline, server, page):
    peer = server()
    proxy, control = start(teeline, peer)
    client = connect(proxy.port)
    there = peer.accept()
    page.open(control)
    page.click_row(1)
    page.click("#end-session")
    page.wait_text("#ask-title", "Close session #1?")
    assert page.focus() == "ask-no", "Enter does what cannot be undone"
    page.press("ENTER")
    page.wait_seen("#ask", False)
    client.sendall(b"still here")
    assert recv_exactly(there, 10) == b"still here"
    page.click("#end-session")
    page.click("#ask-yes")
    assert was_reset(client) and was_reset(there)
    page.wait_row(1, state="stop")
    page.wait_text("#details-state", "closed by teeline (stopped)")
    assert not page.find("#end-session").is_enabled()


def test_a_thousand_sessions(teeline, server, page):
    """Only what is seen is there, and a letter is answered at once."""
    # select() has room for 1,024 descriptors, two for each (http/http_pump.h).
    most = 400 if PORTABLE else 1000
    proxy, control = start(teeline, server(echo))
    clients = [connect(proxy.port) for _ in range(most)]
    page.open(control)
    page.wait_text("#count", f"{most:,} sessions", deadline=20)
    assert page.row(most) and not page.row(1)
    assert len(page.rows()) < 60
    for client in clients:
        client.sendall(b"all at once")
    page.js("document.querySelector('#sessions').scrollTop = 1e9")
    page.wait_row(1, c2s="11 B")
    page.js(f"document.querySelector('#sessions').scrollTop = {12 * most}")
    wait_until(lambda: {row["c2s"] for row in page.rows()} == {"11 B"},
               15, every=0.05)
    page.type("#filter", address(clients[most // 2]))
    page.wait_text("#count", f"1 of {most:,} sessions")
    page.type("#filter", "")
    # All of it was told: the lists of open and closed ones were asked for once.
    assert page.js("""return performance.getEntriesByType("resource")
        .filter((one) => one.name.includes("/sessions?")).length""") == 2
    # From one end to the other, a screen a frame: none may take long.
    slow = page.js_later("""
        const grid = document.querySelector("#sessions");
        const took = [];
        let last = performance.now();
        grid.scrollTop = 0;
        requestAnimationFrame(function step(now) {
            took.push(now - last);
            last = now;
            grid.scrollTop += grid.clientHeight;
            if (took.length < 60)
                requestAnimationFrame(step);
            else
                done(took.sort((a, b) => a - b)[30]);
        });
        """)
    assert slow < 50, f"half of the frames took more than {slow} ms"
    for client in clients:
        client.close()
    page.wait_text("#figure-open", "0", deadline=20)


def test_plots(teeline, server, page):
    proxy, control = start(teeline, server(echo))
    client = connect(proxy.port)
    page.open(control)
    page.wait_text("#plot-open", "1")
    ask(client, b"x" * 100000)
    rate = re.compile(r"^\d+ KiB/s$")
    page.wait_text("#plot-c2s", lambda said: rate.match(said))
    page.wait_text("#plot-dropped", "0 B/s")
    painted = page.js("""
        const canvas = document.querySelector("#plot-traffic-host canvas");
        const { width, height } = canvas;
        const dots = canvas.getContext("2d")
            .getImageData(0, 0, width, height).data;
        const blue = (i) => dots[i + 2] > dots[i] + 60 && dots[i + 3] > 200;
        let n = 0;
        for (let i = 0; i < dots.length; i += 4)
            n += blue(i) ? 1 : 0;
        return n;
        """)
    assert painted > 20, "no line in the client's colour"


def test_reload_keeps_what_one_looks_at(teeline, server, page):
    proxy, control = start(teeline, server(echo))
    clients = [connect(proxy.port) for _ in range(2)]
    ask(clients[0], b"hello\n")
    page.open(control)
    page.click_row(1)
    page.wait_line("c2s", "hello\\n")
    page.click("#mode-hex")
    page.reload()
    page.wait_text("#details-id", "#1")
    page.wait_line("c2s", "6 B at 0")
    page.driver.back()
    page.wait_seen("#details", False)
    page.go("#outputs")
    page.wait_seen("#view-outputs")
    page.reload()
    page.wait_seen("#view-outputs")
    page.go("#session=77")
    page.wait_text("#toast", lambda said: "77" in said)
    page.allow("404")


def test_connection_lost_and_back(teeline, server, page, tmp_path):
    """The page says so, and takes up what the next run says."""
    peer = server(echo)
    token = tmp_path / "token"
    token.write_text("a-token-that-both-runs-have-in-common\n")
    token.chmod(0o600)
    first, control = start(teeline, peer, "--control-token-file", token)
    clients = [connect(first.port) for _ in range(3)]
    control.token = token.read_text().strip()
    page.open(control)
    page.wait_row(3)
    page.click_row(2)
    page.allow("ERR_CONNECTION_REFUSED")
    page.allow("ERR_INCOMPLETE_CHUNKED_ENCODING")
    page.allow("ERR_CONNECTION_RESET")
    page.allow("sessions/2")
    first.stop()
    page.wait_text("#live-text", "offline")
    assert "No connection" in page.text("#offline-text")
    second = teeline.proxy(
        peer.target, "-f", "none", "--control", f"{control.port}",
        "--control-token-file", token)
    clients.append(connect(second.port))
    page.wait_live()
    page.wait_row(1, who=address(clients[-1]))
    page.wait_text("#count", "1 session")
    page.wait_seen("#offline", False)


def test_narrow(teeline, server, page):
    proxy, control = start(teeline, server(echo))
    clients = [connect(proxy.port) for _ in range(3)]
    ask(clients[0], b"hello\n")
    page.size(*NARROW)
    page.open(control)

    def check_fits():
        over = page.js("""
            return [...document.querySelectorAll("body *")].filter((e) =>
                e.checkVisibility() &&
                !e.closest(".scroll, .grid, .lines, .hidden, .skip") &&
                e.getBoundingClientRect().right > innerWidth + 1)
                .map((e) => e.outerHTML.slice(0, 80));
            """)
        assert not over, over

    page.wait_row(1, who=address(clients[0]), c2s="6 B", state="open")
    check_fits()
    page.click_row(1)
    page.wait_line("c2s", "hello\\n")
    assert not page.sees("#sessions"), "no room for both"
    check_fits()
    page.click("#mode-hex")
    page.wait_line("c2s", "6 B at 0")
    check_fits()
    page.click("#details-back")
    page.wait_seen("#sessions")
    for view in ("outputs", "program"):
        page.click(f"#go-{view}")
        page.wait_seen(f"#view-{view}")
        check_fits()
