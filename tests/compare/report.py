#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""report.py RENDER OUTDIR - the report in a real browser.

Renders results that nobody measured (sample.py) with the program RENDER and
looks at the pages in headless Chromium, by its DevTools protocol over pipes:
three widths, light and dark, and printed. Screenshots are left in OUTDIR.
Prints "ok" and "not ok" lines and their totals.
"""
import base64
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import xml.dom.minidom

import sample

WIDTHS = (360, 800, 1280)
TIMEOUT = 120  # seconds, for one answer: emulated machines are slow
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
    "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--remote-debugging-pipe",
]

# What the page says of itself; nothing in it runs, so this comes from outside.
LOOK = r"""(() => {
  const root = document.documentElement, wide = [], small = [];
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') && e.tagName !== 'svg' && e.tagName !== 'text')
      continue;
    const r = e.getBoundingClientRect();
    if (!r.width || getComputedStyle(e).clipPath !== 'none') continue;
    if (e.closest('thead') && innerWidth < 736) continue;
    if (r.right > innerWidth + 1 || r.left < -1)
      wide.push(e.tagName + '.' + (e.getAttribute('class') || '') + ' ' +
                Math.round(r.left) + '..' + Math.round(r.right));
  }
  const light = (c) => {
    const [r, g, b] = c.match(/[\d.]+/g).map(Number).map((v) => {
      v /= 255;
      return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (!/, 0\)$/.test(c)) return c;
    }
    return 'rgb(255, 255, 255)';
  };
  let contrast = 99;
  for (const e of document.querySelectorAll('p,li,h1,h2,h3,th,td,dt,dd,span')) {
    if (!e.textContent.trim()) continue;
    const a = light(getComputedStyle(e).color), b = light(ground(e));
    contrast = Math.min(contrast,
                        (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return JSON.stringify({
    overflow: root.scrollWidth - innerWidth, wide: wide.slice(0, 5),
    contrast: contrast,
    rows: [...document.querySelectorAll('article')].map((e) => e.id),
    lines: [...document.querySelectorAll('[data-row]')]
      .map((e) => e.dataset.row),
    unnamed: document.querySelectorAll(
      'svg:not([aria-label]):not([aria-hidden]):not(svg svg)').length,
    scopes: document.querySelectorAll('th:not([scope])').length -
      document.querySelectorAll('tfoot th').length,
    strange: document.querySelectorAll(
      'script,img,iframe,object,embed,link,q,b,i,[onerror],[onload]').length,
    dead: [...document.querySelectorAll('a[href^="#"]')].filter(
      (e) => !document.getElementById(e.hash.slice(1))).length,
    text: document.body.innerText,
    paper: getComputedStyle(document.body).backgroundColor,
  });
})()"""


class Browser:
    """Chromium with its DevTools protocol on descriptors 3 and 4."""

    def __init__(self, program, home):
        to_it, ours_out = os.pipe()
        ours_in, from_it = os.pipe()
        self.log = open(os.path.join(home, "log"), "w+b")
        # The protocol's descriptors are 3 and 4; either may be a pipe's now.
        shell = (f'exec 9<&{to_it} 3>&- 4>&{from_it} 3<&9 9<&-; exec "$@"')
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "sh", program, *FLAGS,
             f"--user-data-dir={home}/profile", "about:blank"],
            pass_fds=(to_it, from_it), stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log)
        os.close(to_it)
        os.close(from_it)
        self.out, self.inp = ours_out, ours_in
        self.buffer = b""
        self.serial = 0
        self.events = []
        self.session = None

    def receive(self, until):
        while b"\0" not in self.buffer:
            if not select.select([self.inp], [], [],
                                 max(0, until - time.monotonic()))[0]:
                raise TimeoutError("Chromium does not answer")
            data = os.read(self.inp, 1 << 20)
            if not data:
                raise EOFError("Chromium has ended")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.serial += 1
        message = {"id": self.serial, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        until = time.monotonic() + TIMEOUT
        while True:
            answer = self.receive(until)
            if answer.get("id") != self.serial:
                self.events.append(answer)
                continue
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            return answer["result"]

    def wait(self, method):
        until = time.monotonic() + TIMEOUT
        while not any(e.get("method") == method for e in self.events):
            self.events.append(self.receive(until))

    def open_page(self):
        target = self.call("Target.createTarget", url="about:blank")
        attached = self.call("Target.attachToTarget", flatten=True,
                             targetId=target["targetId"])
        self.session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(domain + ".enable")

    def close(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (OSError, EOFError, TimeoutError, RuntimeError):
            self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.inp)
        self.log.close()


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def say(self, good, what, why=""):
        self.passed += bool(good)
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} - {what}"
              f"{'' if good else ': ' + str(why)}")


def complaints(events, url):
    """Requests other than the page's, errors, exceptions, console output."""
    bad = []
    for event in events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            if params["request"]["url"] != url:
                bad.append("request of " + params["request"]["url"][:80])
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown",
                        "Log.entryAdded"):
            bad.append(json.dumps(params)[:200])
    return bad


def look(browser, path, width, scheme, picture):
    url = "file://" + os.path.abspath(path)
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                 deviceScaleFactor=1, mobile=width < 500)
    browser.call("Emulation.setEmulatedMedia", features=[
        {"name": "prefers-color-scheme", "value": scheme}])
    browser.events.clear()
    browser.call("Page.navigate", url=url)
    browser.wait("Page.loadEventFired")
    answer = browser.call("Runtime.evaluate", expression=LOOK,
                          returnByValue=True)
    if "exceptionDetails" in answer:
        raise RuntimeError(answer["exceptionDetails"])
    seen = json.loads(answer["result"]["value"])
    shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True)
    with open(picture, "wb") as f:
        f.write(base64.b64decode(shot["data"]))
    seen["complaints"] = complaints(browser.events, url)
    return seen


def check_page(checks, doc, seen, what):
    say = checks.say
    tails = {"start.first": 2, "start.exit": 2, "start.many": 2}
    names = [row["name"] for row in doc["rows"]]
    lines = sum(1 + tails.get(name, 0) for name in names)
    say(not seen["complaints"], f"{what}: no error, no request",
        seen["complaints"])
    say(seen["overflow"] <= 0 and not seen["wide"],
        f"{what}: nothing is wider than the page",
        (seen["overflow"], seen["wide"]))
    say(seen["contrast"] >= 4.5, f"{what}: text can be read (WCAG AA)",
        seen["contrast"])
    say(sorted(seen["rows"]) == sorted(names), f"{what}: all rows are there",
        set(names) ^ set(seen["rows"]))
    say(len(seen["lines"]) == lines, f"{what}: all rows at a glance",
        (len(seen["lines"]), lines))
    say(seen["unnamed"] == 0 and seen["scopes"] == 0,
        f"{what}: pictures and headings have names",
        (seen["unnamed"], seen["scopes"]))
    say(seen["strange"] == 0 and seen["dead"] == 0,
        f"{what}: no foreign element, no dead link",
        (seen["strange"], seen["dead"]))
    missing = [p["name"] for p in doc["peers"] if p["name"] not in seen["text"]]
    missing += [why for row in doc["rows"]
                for why in [row.get("empty"), *row.get("failed", {}).values()]
                if why and why not in seen["text"]]
    say(not missing, f"{what}: peers, failures and reasons are named", missing)
    for flag, words in (("emulated", "Emulated hardware: ratios only"),
                        ("partial", "7 of 20 rounds are complete")):
        say((words in seen["text"]) == doc[flag], f"{what}: {flag} is said")


def check_raw(checks, path, doc):
    """The samples in the link are those that went in."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    link = re.search(r"data:application/json;base64,([A-Za-z0-9+/=]+)", text)
    raw = json.loads(base64.b64decode(link.group(1))) if link else {}
    want = {row["name"]: row["samples"] for row in doc["rows"]}
    got = {row["name"]: row["samples"] for row in raw.get("rows", [])}
    checks.say(got == want, "the page carries every sample")


def check_xml(checks, path, kind):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    try:
        xml.dom.minidom.parseString(text.replace("<!DOCTYPE html>", ""))
        checks.say(True, f"{kind}: every element ends")
    except xml.parsers.expat.ExpatError as e:
        checks.say(False, f"{kind}: every element ends", e)


def run(render, out, program):
    checks = Checks()
    home = tempfile.mkdtemp(prefix="belljar-report-")
    browser = Browser(program, home)
    try:
        browser.open_page()
        for kind in ("full", "emulated", "partial", "hostile", "single"):
            doc = sample.make(kind)
            source = os.path.join(out, kind + ".json")
            page = os.path.join(out, kind + ".html")
            with open(source, "w", encoding="utf-8") as f:
                json.dump(doc, f)
            with open(page, "w", encoding="utf-8") as f:
                subprocess.run([render, source, "html"], check=True, stdout=f)
            check_xml(checks, page, kind)
            if kind == "full":
                check_raw(checks, page, doc)
            papers = set()
            for width in WIDTHS if kind == "full" else (360,):
                for scheme in ("light", "dark"):
                    what = f"{kind} {width} {scheme}"
                    seen = look(browser, page, width, scheme,
                                os.path.join(out, what.replace(" ", "-")
                                             + ".png"))
                    check_page(checks, doc, seen, what)
                    papers.add((scheme, seen["paper"]))
            checks.say(len(papers) == 2 and
                       len({paper for _, paper in papers}) == 2,
                       f"{kind}: light is not dark", papers)
        pdf = browser.call("Page.printToPDF", printBackground=True)
        data = base64.b64decode(pdf["data"])
        checks.say(data.startswith(b"%PDF") and len(data) > 10000,
                   "it prints", len(data))
    finally:
        browser.close()
        shutil.rmtree(home)
    print(f"report: {checks.passed} passed, {checks.failed} failed")
    return checks.failed == 0


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        print("ok 1 - the report in a browser # SKIP there is no chromium "
              "(the package chromium has it)")
        print("report: 0 passed, 0 failed, 1 skipped")
        return
    os.makedirs(sys.argv[2], exist_ok=True)
    sys.exit(0 if run(sys.argv[1], sys.argv[2], program) else 1)


if __name__ == "__main__":
    main()
