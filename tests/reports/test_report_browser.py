"""The real pages in a real browser: nothing fetched, nothing said, readable on a phone."""

import pytest

from tests.reports.subjects import metered
from wattledger.reports import editions
from wattledger.reports.editions import Edition

EDITIONS = [
    *(("made", "households"), ("made", "utilities")),
    *(("house", "households"), ("plant", "utilities")),
]
# -> [the lowest contrast, the smallest text in px, texts that were looked at]
LOOK = """() => {
  const channel = c => { c /= 255; return c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4 };
  const luminance = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(channel);
    return .2126 * r + .7152 * g + .0722 * b };
  const contrast = (a, b) => { const [x, y] = [luminance(a), luminance(b)];
    return (Math.max(x, y) + .05) / (Math.min(x, y) + .05) };
  const back = getComputedStyle(document.body).backgroundColor;
  let low = 99, small = 99, seen = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim()) continue;
    const style = getComputedStyle(node), inPicture = node instanceof SVGElement;
    const scale = inPicture ? Math.abs(node.ownerSVGElement.getScreenCTM().a) : 1;
    low = Math.min(low, contrast(inPicture ? style.fill : style.color, back));
    small = Math.min(small, parseFloat(style.fontSize) * scale);
    seen += 1;
  }
  return [low, small, seen];
}"""


@pytest.fixture
def opened(browser, tmp_path):
    """Opens an HTML text. -> (page, what went wrong)"""
    contexts = []

    def run(html, width, scheme):
        path = tmp_path / "report.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page, wrong = context.new_page(), []
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url))
        page.goto(path.as_uri())
        assert wrong.pop(0) == path.as_uri()
        return page, wrong

    yield run
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("name", "edition"), EDITIONS)
def test_it_is_readable_on_a_phone_and_on_a_desk(name, edition, request, opened, tmp_path):
    html = getattr(request.getfixturevalue(name), edition)
    for width, scheme in ((390, "dark"), (1440, "light")):
        page, wrong = opened(html, width, scheme)
        assert wrong == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        contrast, text_px, seen = page.evaluate(LOOK)
        assert contrast >= 4.5
        assert text_px >= 10
        assert seen > 200
        assert len(page.screenshot(path=tmp_path / "shot.png", full_page=True)) > 50_000


def test_dark_pictures_are_dark(made, opened):
    fills = []
    for scheme in ("light", "dark"):
        page, _ = opened(made.households, 390, scheme)
        fills.append(page.evaluate("getComputedStyle(document.querySelector('svg path')).stroke"))
        assert page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert fills[0] != fills[1]


def test_it_prints_light(made, opened):
    page, _ = opened(made.households, 1440, "dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.pdf(format="A4")[:5] == b"%PDF-"


def test_hostile_names_run_nothing(opened):
    html = editions.render(metered(name="<svg onload=alert(1)>"), Edition.UTILITY)
    page, wrong = opened(html, 390, "light")
    assert wrong == []
    assert page.evaluate("document.querySelectorAll('script, img, iframe').length") == 0
    assert "<svg onload=alert(1)>" in page.inner_text("header")
