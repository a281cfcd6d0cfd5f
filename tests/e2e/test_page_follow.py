"""The page: what is said in a session, as it is said."""

import os
import threading

from helpers import packets, savefile
from helpers.capture import check_quiet
from helpers.control import Control
from helpers.peers import (
    connect, half_close, pair, recv_all, recv_exactly)
from helpers.wait import wait_until


def follow(teeline, server, page, *options):
    """A session that the page follows; its two ends."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "0",
                          *options)
    client = connect(proxy.port)
    there = peer.accept()
    page.open(Control(proxy))
    page.click_row(1)
    page.wait_text("#follow-state", "following")
    return client, there


def say(end, other, data):
    end.sendall(data)
    assert recv_exactly(other, len(data)) == data


def test_both_directions_as_they_speak(teeline, server, page):
    client, there = follow(teeline, server, page)
    say(there, client, b"220 ready\r\n")
    page.wait_lines(("s2c", "220 ready\\r\\n"))
    say(client, there, b"USER anonymous\r\n")
    page.wait_line("c2s", "USER anonymous\\r\\n")
    say(there, client, b"331 password\r\n230 in\r\n")
    page.wait_lines(("s2c", "220 ready\\r\\n"),
                    ("c2s", "USER anonymous\\r\\n"),
                    ("s2c", "331 password\\r\\n"), ("s2c", "230 in\\r\\n"))
    arrows = page.js("""return [...document.querySelectorAll(
        ".line .arrow[aria-label]")].map((a) => a.textContent +
        a.getAttribute("aria-label"))""")
    assert arrows == ["◀server", "▶client", "◀server"]
    half_close(client)
    assert recv_all(there) == b""
    page.wait_line("end", "client has nothing more to say (fin)")
    there.close()
    page.wait_text("#follow-state", "over")
    page.wait_text("#details-state", "closed by the client (fin)")


def test_what_was_said_before_one_looked(teeline, server, page):
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "0")
    control = Control(proxy)
    client = connect(proxy.port)
    there = peer.accept()
    say(client, there, b"long ago\n")
    client.close()
    there.close()
    wait_until(lambda: control.get("sessions?state=closed")["total"] == 1)
    page.open(control)
    page.click_row(1)
    page.wait_line("c2s", "long ago\\n")
    page.wait_text("#follow-state", "over")


def test_what_the_history_has_forgotten(teeline, server, page):
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "0",
                          "--control-history", "4KiB")
    client = connect(proxy.port)
    there = peer.accept()
    for _ in range(10):
        say(client, there, b"x" * 999 + b"\n")
    page.open(Control(proxy))
    page.click_row(1)
    wait_until(lambda: any(who == "gap" and "no longer kept, at 0" in text
                           for who, text in page.lines()),
               what=lambda: page.lines())


def test_hostile_bytes_are_text(teeline, server, page):
    """Markup stays text; what nobody would see is spelled out."""
    client, there = follow(teeline, server, page)
    say(client, there,
        b"<img src=x onerror=alert(1)><script>alert(2)</script>\n")
    say(client, there, b"\x1b[31mred\x00\x7f\xff back\\slash\ttab\n")
    say(client, there, "Grüße \u202eevil\u200b \u65e5\u672c\n".encode())
    page.wait_lines(
        ("c2s", "<img src=x onerror=alert(1)>"
         "<script>alert(2)</script>\\n"),
        ("c2s", "\\x1b[31mred\\x00\\x7f\\xff back\\\\slash\\ttab\\n"),
        ("c2s", "Grüße \\u{202e}evil\\u{200b} \u65e5\u672c\\n"))
    assert page.js("""return document.querySelector(
        "#lines img, #lines script") === null""")


def test_a_character_in_two_pieces(teeline, server, page):
    client, there = follow(teeline, server, page)
    whole = "a€b\n".encode()
    say(client, there, whole[:2])
    page.wait_lines(("c2s", "a\\xe2"))
    say(client, there, whole[2:])
    wait_until(lambda: "".join(text for _, text in page.lines()) == "a€b\\n",
               what=lambda: page.lines())


def test_hex(teeline, server, page):
    client, there = follow(teeline, server, page)
    say(client, there, bytes(range(20)))
    page.click("#mode-hex")
    page.wait_lines(
        ("c2s", "20 B at 0"),
        ("c2s", "00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f "
         " ................"),
        ("c2s", "00000010  10 11 12 13                                     "
         "  ...."))
    say(there, client, b"Hello, <b>world</b>")
    page.wait_line("s2c", "00000000  48 65 6c 6c 6f 2c 20 3c  62 3e 77 6f 72 "
                   "6c 64 3c  Hello, <b>world<")
    say(client, there, b"~")
    page.wait_line("c2s", "00000014  7e" + " " * 47 + " ~")


def test_one_direction_alone(teeline, server, page):
    client, there = follow(teeline, server, page)
    say(client, there, b"mine\n")
    say(there, client, b"yours\n")
    page.wait_lines(("c2s", "mine\\n"), ("s2c", "yours\\n"))
    page.click("#dir-c2s")
    page.wait_lines(("s2c", "yours\\n"))
    say(client, there, b"more of mine\n")
    page.click("#dir-c2s")
    page.click("#dir-s2c")
    page.wait_lines(("c2s", "mine\\n"), ("c2s", "more of mine\\n"))


def test_pause(teeline, server, page):
    client, there = follow(teeline, server, page)
    say(client, there, b"one\n")
    page.wait_lines(("c2s", "one\\n"))
    page.click("#pause")
    say(client, there, b"two\n")
    page.wait_text("#follow-state", "paused, 4 B newer")
    assert page.lines() == [("c2s", "one\\n")]
    page.click("#pause")
    page.wait_lines(("c2s", "one\\n"), ("c2s", "two\\n"))


def test_newest(teeline, server, page):
    """At the end it moves along; elsewhere what one reads stays."""
    client, there = follow(teeline, server, page)
    say(client, there, b"".join(b"line %d\n" % i for i in range(500)))
    page.wait_line("c2s", "line 499\\n")
    assert not page.sees("#newest")
    page.js("document.querySelector('#lines').scrollTop = 0")
    page.wait_line("c2s", "line 0\\n")
    say(client, there, b"the newest\n")
    page.wait_text("#newest", "↓ 11 B newer")
    assert ("c2s", "line 0\\n") in page.lines()
    page.click("#newest")
    page.wait_line("c2s", "the newest\\n")
    assert not page.sees("#newest")


def test_search(teeline, server, page):
    client, there = follow(teeline, server, page)
    text = [b"line %d\n" % i for i in range(300)]
    text[10] = b"a NEEDLE here\n"
    text[200] = b"and a needle there\n"
    say(client, there, b"".join(text))
    say(there, client, b"needle and need")
    say(there, client, b"le\r\n")
    page.type("#find", "needle")
    page.wait_text("#find-count", "4 of 4")
    page.press("ENTER")
    page.wait_text("#find-count", "1 of 4")
    page.wait_line("c2s", "a NEEDLE here\\n")
    assert page.text("mark.current") == "NEEDLE"
    page.click("#find-next")
    page.wait_line("c2s", "and a needle there\\n")
    page.click("#find-previous")
    page.wait_line("c2s", "a NEEDLE here\\n")
    # It goes on looking, and stays where one is.
    say(client, there, b"needle five")
    page.wait_text("#find-count", "1 of 5")
    page.type("#find", "0x0d0a")
    page.wait_text("#find-count", "1 of 1")
    page.type("#find", "nothing of that")
    page.wait_text("#find-count", "none")
    page.press("ESCAPE")
    wait_until(lambda: page.js(
        "return document.querySelector('mark') === null"))


def test_copy(teeline, server, page):
    client, there = follow(teeline, server, page)
    page.command("Browser.grantPermissions",
                 permissions=["clipboardReadWrite",
                              "clipboardSanitizedWrite"])
    say(client, there, b"one\ntwo\n")
    page.wait_lines(("c2s", "one\\n"), ("c2s", "two\\n"))
    page.click("#copy")
    page.wait_text("#toast", "Copied.")
    text = page.js_later("navigator.clipboard.readText().then(done)")
    first, second = text.splitlines()
    assert first.endswith("  ▶  one\\n") and second.strip() == "two\\n"
    assert first.index("one") == second.index("two")


def download(page, tmp_path, choice):
    """What is saved by a choice of the menu."""
    return page.download(tmp_path / choice.strip("[]").replace('"', ""),
                         "#download summary", f"#download-menu {choice}")


def test_download(teeline, server, page, tmp_path):
    client, there = follow(teeline, server, page)
    say(client, there, b"question\x00\xff")
    say(there, client, b"answer")
    page.wait_line("s2c", "answer")
    raw = download(page, tmp_path, '[data-dir="c2s"]')
    assert raw.name == "session-1.c2s"
    assert raw.read_bytes() == b"question\x00\xff"
    raw = download(page, tmp_path, '[data-dir="s2c"]')
    assert raw.read_bytes() == b"answer"
    dump = download(page, tmp_path, '[data-format="hex"]')
    assert b"71 75 65 73 74 69 6f 6e" in dump.read_bytes()
    check_quiet(download(page, tmp_path, '[data-format="pcapng"]'))


def test_a_gap_at_its_place(teeline, page):
    """Bytes that a capture lacks, between those before and behind."""
    talk = packets.Talk()
    frames = [*talk.open(), talk.c(b"before the hole\n")]
    talk.c(b"never captured..")
    frames += [talk.c(b"behind it\n"), talk.ack(packets.S)]
    frames += talk.close()
    # Somebody else, long after the hole was waited for.
    later = [savefile.at(60, packet) for packet in
             packets.Talk(client="10.1.0.1:40001").open()]
    reader, writer = os.pipe()
    program = teeline.start("read", "-f", "none", "--control", "0", "-",
                            ready=None, stdin=reader)
    os.close(reader)
    with open(writer, "wb", buffering=0) as pipe:
        pipe.write(savefile.pcap_bytes(frames + later))
        page.open(Control(program))
        page.wait_row(1, missing="16 B", state="fin")
        page.click_row(1)
        page.wait_lines(
            ("c2s", "before the hole\\n"),
            ("end", "server has nothing more to say (fin)"),
            ("gap", "··· 16 bytes lost before the capture, at 16 ···"),
            ("c2s", "behind it\\n"),
            ("end", "client has nothing more to say (fin)"),
            ("end", "○ closed by the server (fin), after 1:00"))
        page.wait_text("#details-missing", "16 bytes missing")


def test_nothing_twice_after_a_lost_connection(teeline, server, page):
    """The page comes through a relay, which is away for a while."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "0",
                          "--control-history", "1KiB")
    control = Control(proxy)
    relay = teeline.proxy(f"127.0.0.1:{control.port}", "-f", "none")
    there_port = relay.port
    control.url = f"http://127.0.0.1:{there_port}/"
    client, there = pair(proxy, peer)
    page.open(control)
    page.click_row(1)
    say(client, there, b"before\n" * 10)
    say(there, client, b"question?\n")
    page.wait_line("s2c", "question?\\n")
    page.allow("ERR_")
    relay.stop()
    page.wait_text("#live-text", "offline")
    page.wait_seen("#offline")
    for _ in range(3):
        say(client, there, b"meanwhile, " * 90 + b"\n")
    say(client, there, b"the end\n")
    teeline.proxy(f"127.0.0.1:{control.port}", "-f", "none",
                  listen=f"127.0.0.1:{there_port}")
    page.wait_live()
    page.wait_line("c2s", "the end\\n")
    page.js("document.querySelector('#lines').scrollTop = 0")
    page.wait_line("c2s", "before\\n")
    lines = page.lines()
    assert lines.count(("c2s", "before\\n")) == 10
    assert lines.count(("s2c", "question?\\n")) == 1
    assert len([1 for who, text in lines if who == "gap"
                and text.endswith("no longer kept, at 70 ···")]) == 1, lines
    page.wait_text("#follow-state", "following")


def test_faster_than_anybody_can_read(teeline, server, page):
    """The page shows a part, says what it leaves out, and stays alive."""
    client, there = follow(teeline, server, page)
    over = threading.Event()

    def blast():
        line = b"as fast as it goes\n" * 5000
        while not over.is_set():
            client.sendall(line)

    def drain():
        while there.recv(1 << 20):
            pass

    threads = [threading.Thread(target=blast), threading.Thread(target=drain)]
    for thread in threads:
        thread.start()
    try:
        page.wait_text("#follow-state",
                       lambda said: "left out, too fast for a page" in said
                       and "not shown any more" in said, deadline=30)
        page.press("p")
        page.wait_text("#follow-state", lambda said: "paused" in said)
        page.press("p", "h")
        wait_until(lambda: page.find("#mode-hex").get_attribute(
            "aria-pressed") == "true")
        tallest = page.js(
            "return document.querySelector('#lines').scrollHeight")
        assert tallest < 19 * 300000, "more is kept than is promised"
    finally:
        over.set()
        threads[0].join()
        half_close(client)
        threads[1].join()
    there.close()
    page.wait_text("#follow-state", lambda said: said.startswith("over"),
                   deadline=20)
