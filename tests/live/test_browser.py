"""The page in a real browser: what a person sees, hears, and can do with keys alone."""

import pytest

from tests.live import fake
from tests.live.conftest import Served, until

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
ROWS = ["#bill", "#hours", "#events"]
# -> [[text, ratio, size in px], ...] of all that is read on the page
SEEN = """() => {
  const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => rgb(c).slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const back = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return getComputedStyle(e).backgroundColor;
    }
  };
  return [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility()
    && !e.closest(".unseen, .skip, option")
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
      const style = getComputedStyle(e), ink = e.closest("svg") ? style.fill : style.color;
      const [a, b] = [light(ink), light(back(e.closest("svg") || e))].sort();
      return [e.textContent.trim(), (b + 0.05) / (a + 0.05), parseFloat(style.fontSize)];
    });
}"""


class Page:
    """page   of playwright; told: errors and warnings; asked: addresses"""

    def __init__(self, browser, address, viewport=DESK, **options):
        self.told, self.asked = [], []
        self.page = browser.new_page(viewport=viewport, **options)
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda message: self.told.append(message.text))
        self.page.on("pageerror", lambda error: self.told.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)
        if options.get("java_script_enabled", True):
            self.page.wait_for_selector("#curve .today", state="attached")

    def text(self, selector):
        return self.page.text_content(selector)

    def cells(self, selector):
        script = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        return self.page.eval_on_selector_all(selector + " tr", script)

    def facts(self):
        return self.page.eval_on_selector_all(
            "#facts > div",
            "all => all.map(e => [e.children[0].textContent, e.children[1].textContent])",
        )

    def until(self, condition):
        """condition   JavaScript; the page's own policy forbids playwright to wait for it"""
        until(lambda: self.page.evaluate(condition), self.page.wait_for_timeout)

    def seconds(self, count):
        self.page.wait_for_timeout(1000 * count)


@pytest.fixture
def look(browser):
    opened = []

    def look(served, viewport=DESK, **options):
        opened.append(Page(browser, served.address, viewport, **options))
        return opened[-1]

    yield look
    for page in opened:
        page.page.close()


def check(page, state):
    assert page.facts() == [[fact["name"], fact["text"]] for fact in state["now"]["facts"]]
    day = state["day"]
    assert [page.cells(s) for s in ROWS] == [day["bill"]["lines"], day["hours"], day["events"]]
    assert page.text("#total") == day["bill"]["total"]
    assert page.text("#summary") == day["summary"]
    assert page.text("#at") == state["now"]["at"]


def test_the_numbers_are_the_apis_with_and_without_a_script(steady, look):
    check(look(steady), steady.state())
    plain = look(steady, java_script_enabled=False)
    check(plain, steady.state())
    assert not plain.page.is_visible("#simulate")
    assert plain.page.is_visible("noscript p")


def test_nothing_from_elsewhere_and_nothing_to_complain_of(steady, look):
    page = look(steady)
    page.page.select_option("#example", "one-price")
    page.page.click("#compare")
    page.page.wait_for_selector("#result:not([hidden])")
    assert page.told == []
    assert page.asked
    assert all(url.startswith(steady.address) for url in page.asked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["390", "1440"])
def test_it_is_readable(served, source, look, viewport, scheme, tmp_path):
    source.alerts, source.age_s = ["load above contract: remind"], 3600
    served.feed.poll()
    page = look(served, viewport, color_scheme=scheme)
    page.page.click("summary")
    page.page.select_option("#example", "one-price")
    page.page.click("#compare")
    page.page.wait_for_selector("#result:not([hidden])")
    page.page.wait_for_selector("body.stale")
    page.seconds(0.4)  # until its colours have faded
    found = page.page.evaluate(SEEN)
    assert len(found) > 100
    assert [text for text, ratio, _ in found if ratio < 4.5] == []
    assert min(size for *_, size in found) >= 12
    wide = page.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= viewport["width"]
    page.page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_what_changes_arrives_by_itself(served, source, look):
    page = look(served)
    source.facts = [("power", "77.0 W"), *source.facts[1:]]
    page.until("document.querySelector('#facts dd').textContent === '77.0 W'")
    source.events, source.edition = source.events[:1], 9
    page.until("document.querySelector('#events').rows.length === 1")
    check(page, served.state())


def test_hostile_texts_stay_texts(served, source, look):
    source.facts = [(fake.HOSTILE, fake.HOSTILE), *source.facts]
    source.alerts = [fake.HOSTILE]
    served.feed.poll()
    page = look(served)
    page.until("document.querySelector('#alerts').textContent.includes('onerror')")
    page.seconds(0.3)
    assert page.facts()[0] == [fake.HOSTILE, fake.HOSTILE]
    assert page.page.evaluate("document.images.length") == 0
    assert page.page.evaluate("window.hacked") is None
    assert page.told == []


def test_only_what_is_rare_is_announced(served, source, look):
    page = look(served)
    page.page.evaluate(
        "() => { window.news = []; new MutationObserver(() => window.news.push("
        "document.querySelector('#news').textContent)).observe("
        "document.querySelector('#news'), {childList: true, subtree: true}); }"
    )
    for n in range(5):
        source.facts = [("power", f"{n}.0 W"), *source.facts[1:]]
        page.seconds(0.15)
    assert page.page.evaluate("window.news") == []
    source.alerts = ["load above contract: remind"]
    page.until("window.news.length === 1")
    assert "load above contract" in page.text("#news")
    live = page.page.eval_on_selector_all(
        "[role=status], [role=alert], [aria-live]", "e => e.length"
    )
    assert live == 4


def test_silence_is_said_and_ends(served, source, look):
    page = look(served)
    assert page.text("#age") == ""
    source.silence = "port: the line broke: try again"
    page.page.wait_for_selector("body.stale")
    assert page.text("#silence").endswith("the line broke: try again")
    page.until("document.querySelector('#age').textContent.includes('old')")
    assert page.facts()[0] == list(source.facts[0])
    source.silence = ""
    page.page.wait_for_selector("body:not(.stale)")
    assert page.text("#silence") == ""


def test_it_connects_again_by_itself(source, look, monkeypatch):
    monkeypatch.setattr("wattledger.live.feed._AGAIN_S", 0.05)
    first = Served(source)
    page = look(first)
    first.stop()
    page.page.wait_for_selector("body.stale")
    assert "the connection is lost" in page.text("#age")
    second = Served(source, first.port)
    try:
        source.facts = [("power", "88.0 W")]
        page.until("document.querySelector('#facts dd').textContent === '88.0 W'")
        page.page.wait_for_selector("body:not(.stale)")
    finally:
        second.stop()


def test_a_tariff_by_keys_alone(steady, look):
    page = look(steady)
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.className") == "skip"
    page.page.keyboard.press("Enter")
    assert page.page.evaluate("document.activeElement.id") == "main"
    reached = []
    while "compare" not in reached and len(reached) < 9:
        page.page.keyboard.press("Tab")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.page.evaluate(outline) == "solid"
        reached.append(
            page.page.evaluate("document.activeElement.id || document.activeElement.tagName")
        )
        if reached[-1] == "example":
            page.page.keyboard.type("one-price")
    assert reached == ["SUMMARY", "example", "file", "compare"]
    page.page.keyboard.press("Enter")
    page.until("document.activeElement.id === 'result'")
    found = steady.simulate(example="one-price")[1]
    assert page.cells("#result-lines") == found["lines"]
    assert page.text("#result-title") == f"{found['new']['name']}: {found['new']['total']} EUR"
    assert found["change"] in page.text("#result-span")


def test_a_file_of_ones_own(steady, look, root, tmp_path):
    page = look(steady)
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    text = (root / "docs/tariffs/one-price.toml").read_text()
    good.write_text(text.replace('name = "One price"', 'name = "Mine <b>"'))
    bad.write_text(text.replace("fallback", "fallbock"))
    page.page.set_input_files("#file", bad)
    page.page.click("#compare")
    page.until("document.querySelector('#wrong').textContent !== ''")
    assert page.text("#wrong").startswith(
        "bad.toml: fallbock: unknown key: did you mean fallback?"
    )
    assert not page.page.is_visible("#result")
    page.page.set_input_files("#file", good)
    page.page.click("#compare")
    page.page.wait_for_selector("#result:not([hidden])")
    assert page.text("#result-title").startswith("Mine <b>: ")
    assert page.text("#wrong") == ""


def test_landmarks_labels_and_still_motion(steady, look):
    page = look(steady, reduced_motion="reduce")
    count = page.page.eval_on_selector_all
    assert [count(tag, "all => all.length") for tag in ("header", "main", "h1")] == [1, 1, 1]
    assert page.page.get_attribute("html", "lang") == "en"
    unnamed = "e => !document.getElementById(e.getAttribute('aria-labelledby'))"
    assert count("section", f"all => all.filter({unnamed}).length") == 0
    assert count("select, input", "all => all.filter(e => !e.labels.length).length") == 0
    assert count("table", "all => all.filter(e => !e.querySelector('th[scope=col]')).length") == 0
    assert page.page.get_attribute("#curve", "role") == "img"
    assert (
        page.page.evaluate("getComputedStyle(document.querySelector('dd')).transitionDuration")
        == "0s"
    )


def test_the_curve_is_the_day(steady, look):
    page = look(steady)
    day = steady.state()["day"]
    paths = [page.page.get_attribute(f"#curve .{name}", "d") for name in ("today", "yesterday")]
    for path, name in zip(paths, ("today", "yesterday"), strict=True):
        assert path.count("M") == 1, "one line without a gap"
        assert path.count("L") == 2 * len(day[name]["points"]) - 1
    assert page.page.get_attribute("#curve", "viewBox").endswith(" 240")
