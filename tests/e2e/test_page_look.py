"""The page: who cannot see it, or not well, or not in these colours."""

import pytest

from helpers.browser import NARROW, WIDE
from helpers.control import Control
from helpers.peers import connect, pair, recv_exactly
from helpers.wait import wait_until

# Colours of what has text of its own, as far as it is on the screen: its
# contrast with what is behind it (WCAG 2.1, 1.4.3).
CONTRAST = """
    const parse = (text) => {
        const canvas = new OffscreenCanvas(1, 1).getContext("2d");
        canvas.fillStyle = text;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        return { rgb: [r, g, b], a: a / 255 };
    };
    const over = (top, rgb) => rgb.map((v, i) =>
        top.rgb[i] * top.a + v * (1 - top.a));
    const light = (rgb) => {
        const [r, g, b] = rgb.map((v) => v / 255).map((v) =>
            v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (e) => {
        const all = [];
        for (let one = e; one; one = one.parentElement)
            all.unshift(parse(getComputedStyle(one).backgroundColor));
        return all.reduce((rgb, top) => over(top, rgb), [255, 255, 255]);
    };
    const bad = [];
    const walker = document.createTreeWalker(
        document.querySelector("dialog[open]") ?? document.body,
        NodeFilter.SHOW_TEXT);
    let n = 0;
    while (walker.nextNode()) {
        const e = walker.currentNode.parentElement;
        const style = getComputedStyle(e);
        const box = e.getBoundingClientRect();
        if (!walker.currentNode.data.trim() ||
            !e.checkVisibility({ visibilityProperty: true }) ||
            e.matches(":disabled, .hidden") || box.width < 2 ||
            e.closest(".skip, noscript, script, style, option"))
            continue;
        let fade = 1;
        for (let one = e; one; one = one.parentElement)
            fade *= Number(getComputedStyle(one).opacity);
        const ground = behind(e);
        const ink = parse(style.color);
        ink.a *= fade;
        const [a, b] = [light(over(ink, ground)), light(ground)].sort();
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        n++;
        if (ratio < 4.5)
            bad.push([ratio.toFixed(2), e.outerHTML.slice(0, 120)]);
    }
    return [n, bad];
"""

# Roles, names, references: what a screen reader goes by.
NAMES = """
    const bad = [];
    const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
    for (const id of ids)
        if (ids.indexOf(id) !== ids.lastIndexOf(id))
            bad.push(`twice: ${id}`);
    for (const name of ["aria-labelledby", "aria-describedby",
        "aria-activedescendant", "for"])
        for (const e of document.querySelectorAll(`[${name}]`))
            for (const id of e.getAttribute(name).split(" "))
                if (!ids.includes(id))
                    bad.push(`${name} of nothing: ${id}`);
    const inside = { row: "[role=rowgroup]", gridcell: "[role=row]",
        columnheader: "[role=row]", rowgroup: "[role=grid]",
        listitem: "[role=list]" };
    for (const [role, parent] of Object.entries(inside))
        for (const e of document.querySelectorAll(`[role=${role}]`))
            if (!e.parentElement.matches(parent))
                bad.push(`${role} outside ${parent}`);
    for (const e of document.querySelectorAll("[tabindex]"))
        if (e.tabIndex > 0)
            bad.push(`an order of its own: ${e.id}`);
    return bad;
"""

NAMED = {"button", "link", "textbox", "searchbox", "combobox", "checkbox",
         "grid", "region", "dialog", "navigation", "img", "image", "listbox",
         "DisclosureTriangle", "columnheader", "group"}


def check_names(page):
    """Everything that is something has a name, as the browser computes it."""
    bad = page.js(NAMES)
    assert not bad, bad
    tree = page.command("Accessibility.getFullAXTree")["nodes"]
    seen = [node for node in tree if not node.get("ignored")]
    roles = {node["role"]["value"] for node in seen}
    assert {"button", "main", "heading"} <= roles or "dialog" in roles, roles
    nameless = [(node["role"]["value"], node.get("backendDOMNodeId"))
                for node in seen if node["role"]["value"] in NAMED
                and not node.get("name", {}).get("value", "").strip()]
    assert not nameless, nameless


def check_contrast(page):
    def good():
        count, bad = page.js(CONTRAST)
        assert count > 3, "nothing was looked at"
        return not bad
    # Colours fade from one to the next.
    wait_until(good, 3, what=lambda: page.js(CONTRAST)[1], every=0.1)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_and_contrast(teeline, server, page, scheme, size):
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "0",
                          "-o", "tee:127.0.0.1:1,name=copy")
    clients = []
    for _ in range(4):
        client, there = pair(proxy, peer)
        clients.append(client)
        client.sendall(b"question\r\n\x00")
        recv_exactly(there, 11)
        there.sendall(b"answer\r\n\x00\xff")
        recv_exactly(client, 10)
    clients[3].close()
    page.media(scheme)
    page.size(*size)
    page.open(Control(proxy))
    page.wait_row(4, c2s="11 B")

    def check():
        check_names(page)
        check_contrast(page)

    check()
    page.click_row(2)
    page.wait_line("s2c", "answer\\r\\n")
    page.type("#find", "quest")
    page.wait_text("#find-count", "1 of 1")
    check()
    page.click("#mode-hex")
    page.click("#download summary")
    page.wait_line("c2s", "11 B at 0")
    check()
    page.click("#download summary")
    page.click("#end-session")
    page.wait_seen("#ask")
    check()
    page.click("#ask-no")
    page.go("#outputs")
    page.wait_seen("#outputs-body tr")
    check()
    page.go("#program")
    page.wait_seen(".card")
    check()
    page.click("#help-open")
    page.wait_seen("#help")
    check()


def ground(page):
    return page.js(
        "return getComputedStyle(document.body).backgroundColor")


def test_theme(teeline, server, page):
    """As the system says, unless one says otherwise; and that is kept."""
    proxy = teeline.proxy(server().target, "-f", "none", "--control", "0")
    page.open(Control(proxy))
    light = ground(page)
    page.media("dark")
    dark = ground(page)
    assert light != dark
    page.click("#theme")
    assert page.find("#theme").get_attribute("aria-label") == "Theme: light"
    assert ground(page) == light
    page.reload()
    assert ground(page) == light
    page.click("#theme")
    assert ground(page) == dark
    page.media("light")
    assert ground(page) == dark
    page.click("#theme")
    assert ground(page) == light


def test_no_motion_where_none_is_wanted(teeline, server, page):
    proxy = teeline.proxy(server().target, "-f", "none", "--control", "0")
    moving = """return [...document.querySelectorAll("*")].filter((e) =>
        getComputedStyle(e).transitionDuration !== "0s" ||
        getComputedStyle(e).animationName !== "none").length"""
    page.open(Control(proxy))
    assert page.js(moving) > 0
    page.media(motion="reduce")
    assert page.js(moving) == 0


def test_tab_goes_everywhere(teeline, server, page):
    """With Tab alone to each thing there is, and out again."""
    proxy = teeline.proxy(server().target, "-f", "none", "--control", "0")
    clients = [connect(proxy.port)]
    page.open(Control(proxy))
    page.click_row(1)
    page.wait_text("#details-id", "#1")
    expected = set(page.js("""
        return [...document.querySelectorAll(
            "a[href], button, input, summary, [tabindex='0']")].filter((e) =>
            e.checkVisibility() && !e.disabled).map((e) => e.id)"""))
    reached = set()
    page.js("document.activeElement.blur()")
    for _ in range(60):
        page.press("TAB")
        reached.add(page.js("return document.activeElement.id"))
        shown = page.js("""
            const e = document.activeElement;
            return e === document.body ||
                getComputedStyle(e).outlineStyle !== "none"; """)
        assert shown, f"nobody sees that {page.focus()} has the focus"
    assert expected <= reached, expected - reached
    assert clients
