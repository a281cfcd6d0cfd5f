"""Chromium, and what a person sees and does in the page of the control plane.

    def test_something(teeline, server, page):
        proxy = teeline.proxy(peer.target, "-f", "none", "--control", "0")
        page.open(Control(proxy))
        page.wait_text("#count", "1 session")
        page.click("#mode-hex")

One browser serves all tests, a tab each; pages of different programs are of
different origins, so that they remember nothing of each other.  When a test
ends, an error on the console or a request to anybody but the program fails it.
"""

import json
import os

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from helpers.real import tool
from helpers.wait import SCALE, Deadline, wait_until

WIDE = (1280, 800)
NARROW = (360, 740)


def start(folder):
    """A browser without a window."""
    options = Options()
    options.binary_location = tool("chromium")
    arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage",
                 "--no-first-run", f"--user-data-dir={folder}/profile"]
    if os.getuid() == 0:
        arguments.append("--no-sandbox")
    for argument in arguments:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs",
                           {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options,
                              service=Service(tool("chromedriver")))
    driver.set_script_timeout(20 * SCALE)
    return driver


def saved(folder):
    """The file of a download, which is not empty; None while it is not whole.

    Chromium takes the name with an empty file, writes beside it, and puts the
    one in the place of the other.
    """
    paths = list(folder.iterdir())
    if len(paths) != 1 or paths[0].suffix == ".crdownload" or (
            paths[0].name.startswith(".")):
        return None
    return paths[0] if paths[0].stat().st_size > 0 else None


class Page:
    """A tab."""

    def __init__(self, driver, folder):
        self.driver = driver
        self.folder = str(folder)
        self._allowed = []
        self._origins = set()
        driver.switch_to.new_window("tab")
        self.size(*WIDE)
        self.media()
        driver.get_log("browser")
        driver.get_log("performance")

    # --- the browser ---------------------------------------------------

    def command(self, name, **parameters):
        """Of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def size(self, width, height):
        self.command("Emulation.setDeviceMetricsOverride", width=width,
                     height=height, deviceScaleFactor=1, mobile=False)

    def media(self, scheme="light", motion="no-preference"):
        """What the system of the page's user prefers."""
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion}])

    def open(self, control, view="", token=True):
        """The page of a program, as its URL leads to it; waits until live."""
        base = control.url.rstrip("/")
        self._origins.add(base)
        words = f"#token={control.token}" if token and control.token else view
        self.driver.get(f"{base}/{words}")
        if token:
            self.wait_live()
        if token and view and words != view:
            self.go(view)
        return self

    def go(self, view):
        """To "#outputs", "#session=1"."""
        self.js("location.hash = arguments[0]", view)

    def wait_live(self):
        self.wait_text("#live-text", "live")

    def reload(self):
        self.driver.refresh()
        self.wait_live()

    def js(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def js_later(self, code, *arguments):
        """Code that calls done(value), some time."""
        return self.driver.execute_async_script(
            f"const done = arguments[arguments.length - 1]; {code}",
            *arguments)

    def allow(self, text):
        """The console may say this."""
        self._allowed.append(text)

    # --- what is seen --------------------------------------------------

    def text(self, selector):
        """What it says; None if nobody sees it."""
        return self.js("""
            const e = document.querySelector(arguments[0]);
            return e && e.checkVisibility() ? e.innerText.trim() : null;
            """, selector)

    def sees(self, selector):
        return self.text(selector) is not None

    def wait_text(self, selector, text, deadline=10.0):
        """Wait until an element says just that (or, a function, something
        of which it says true)."""
        fits = text if callable(text) else lambda said: said == text
        return wait_until(
            lambda: fits(self.text(selector) or "") and
            (self.text(selector) or True), deadline,
            lambda: f"{selector}: {text!r}, but {self.text(selector)!r}",
            every=0.03)

    def wait_seen(self, selector, is_seen=True):
        wait_until(lambda: self.sees(selector) == is_seen, every=0.03,
                   what=f"{selector} is {'' if is_seen else 'not '}seen")

    def rows(self):
        """The sessions that are on the screen: {column: text} of each."""
        return self.js("""
            return [...document.querySelectorAll(".row")].map((row) =>
                Object.fromEntries([...row.children].map((cell) =>
                    [cell.className.slice(2), cell.innerText.trim()])));
            """)

    def row(self, number):
        """Session #number, as it is on the screen; None if it is not."""
        found = [row for row in self.rows() if row["id"] == f"#{number}"]
        return found[0] if found else None

    def wait_row(self, number, **values):
        """Wait until a session is there, with these texts."""
        def look():
            row = self.row(number)
            return row and all(row[name] == value
                               for name, value in values.items()) and row
        return wait_until(look, every=0.03, what=lambda: f"#{number} {values}"
                          f" among {self.rows()}")

    def wait_ids(self, *numbers):
        """Wait until exactly these sessions are on the screen: "#2", "#1"."""
        def ids():
            return [row["id"] for row in self.rows()]
        wait_until(lambda: ids() == list(numbers), every=0.03,
                   what=lambda: f"{numbers}, but {ids()}")

    def lines(self):
        """What was said, as it is on the screen: (who, text) of each line.

        who is "c2s", "s2c" or the kind of a remark; lines after the first of
        a chunk are lines, too.
        """
        return [tuple(one) for one in self.js("""
            return [...document.querySelectorAll(".line")].map((line) => [
                line.classList.contains("data") ?
                    line.classList.contains("c2s") ? "c2s" : "s2c" :
                    line.classList[1],
                line.querySelector(".what").textContent]);
            """)]

    def wait_lines(self, *lines):
        """Wait until exactly these are on the screen."""
        return wait_until(lambda: self.lines() == list(lines), every=0.03,
                          what=lambda: f"{lines}, but {self.lines()}")

    def wait_line(self, who, text):
        """Wait until one of them is this."""
        wait_until(lambda: (who, text) in self.lines(), every=0.03,
                   what=lambda: f"{(who, text)} in {self.lines()}")

    # --- what is done --------------------------------------------------

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, selector):
        def clicked():
            try:
                self.find(selector).click()
            except StaleElementReferenceException:
                return False
            return True
        wait_until(clicked, what=f"a click on {selector}")

    def click_row(self, number):
        self.wait_row(number)
        self.click(f"#session-{number}")

    def download(self, folder, *selectors):
        """Click these, one after the other; the file that is saved."""
        folder.mkdir()
        self.command("Browser.setDownloadBehavior", behavior="allow",
                     downloadPath=str(folder))
        for selector in selectors:
            self.click(selector)
        return wait_until(lambda: saved(folder),
                          what=lambda: f"{os.listdir(folder)} is whole")

    def type(self, selector, text):
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def press(self, *keys):
        """Keys, wherever the focus is."""
        actions = ActionChains(self.driver)
        for key in keys:
            actions.send_keys(getattr(Keys, key) if len(key) > 1 else key)
        actions.perform()

    def focus(self):
        """The id of what has the focus."""
        return self.js("return document.activeElement?.id")

    # --- the end -------------------------------------------------------

    def screenshot(self, name):
        self.driver.save_screenshot(os.path.join(self.folder, name))

    def _complaints(self):
        return [entry for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")
                and not any(text in entry["message"]
                            for text in self._allowed)]

    def _strangers(self):
        """Requests that went elsewhere."""
        sent = [json.loads(entry["message"])["message"]
                for entry in self.driver.get_log("performance")]
        urls = [one["params"]["request"]["url"] for one in sent
                if one["method"] == "Network.requestWillBeSent"]
        ours = tuple(f"{origin}/" for origin in self._origins)
        return [url for url in urls
                if not url.startswith((*ours, "data:", "blob:", "about:",
                                       "chrome:"))]

    def finish(self):
        try:
            complaints, strangers = self._complaints(), self._strangers()
        finally:
            self.driver.close()
            self.driver.switch_to.window(self.driver.window_handles[0])
        assert not complaints, complaints
        assert not strangers, strangers


__all__ = ["Deadline", "NARROW", "Page", "WIDE", "start"]
