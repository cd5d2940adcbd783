"""The report in a browser: offline, without complaint, and everything in it works by mouse and by keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _chromium import BROWSER, WITHOUT, Page
from _report_inputs import results

from pipeline import report
from pipeline.specs.report import ReportSpec

pytestmark = pytest.mark.skipif(BROWSER is None, reason=WITHOUT)

# everything is loaded: each part is scrolled to, since what is far away is neither laid out nor decoded
SCROLL = """(async () => {
  document.documentElement.style.scrollBehavior = "auto";
  for (const details of document.querySelectorAll("details")) details.open = true;
  const pause = () => new Promise((done) => setTimeout(done, 60));
  for (const part of document.querySelectorAll("section, .comparison, .network, .clip")) {
    part.scrollIntoView();
    await pause();
  }
  const waiting = () => [...document.images].filter((image) => !image.complete);
  for (let turn = 0; turn < 50 && waiting().length; turn++) await pause();
  return document.images.length;
})()"""


FIRST_SCREEN = """(() => {
  const bottom = (name) => [...document.querySelectorAll(name)].map((one) => one.getBoundingClientRect().bottom);
  const box = document.querySelector(".matrix").closest(".scroll").getBoundingClientRect();
  return { sentence: bottom(".conclusion")[0], rows: bottom(".matrix tbody:first-of-type tr"), right: box.right,
    name: document.querySelector(".matrix tbody .name").getBoundingClientRect().left,
    cells: [...document.querySelector(".matrix tbody tr").cells].map((one) => one.getBoundingClientRect().right) };
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Open a report of two tables and load all of it."""
    folder = tmp_path_factory.mktemp("browser")
    output = folder / "results/ci/report/index.html"
    report.main(ReportSpec(page="0", title="small"), "0123456789ab", results(folder, ("table3", "table4")), output)
    with Page(folder / "profile") as browser:
        browser.size(1440, 900)
        browser.open(output.as_uri())
        browser.run(SCROLL)
        yield browser


def test_nothing_is_requested_but_the_file_and_nothing_is_complained_of(page: Page) -> None:
    assert page.requests
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []
    assert page.complaints == []


def test_every_picture_is_there(page: Page) -> None:
    pictures = page.run("[...document.images].map((image) => [image.alt, image.complete && image.naturalWidth])")
    # two tables of two comparisons: six versions and the slider's two; one loss network
    assert len(pictures) == 2 * 2 * (6 + 2) + 1
    assert [alt for alt, width in pictures if not width] == []


def test_the_first_paint_comes_within_two_seconds(page: Page) -> None:
    paints = page.run("performance.getEntriesByType('paint').map((entry) => [entry.name, entry.startTime])")
    assert dict(paints)["first-contentful-paint"] < 2000


def test_a_click_on_a_head_sorts_up_down_and_back(page: Page) -> None:
    script = """(() => {
      const table = document.querySelector("#mae_loss-table3 table.numbers");
      const head = table.tHead.rows[2].cells[0];
      const order = () => [...table.tBodies[0].rows].map((row) => row.querySelector(".loss").textContent);
      const seen = [[head.getAttribute("aria-sort"), order()]];
      for (let turn = 0; turn < 3; turn++) {
        head.querySelector("button").click();
        seen.push([head.getAttribute("aria-sort"), order()]);
      }
      return seen;
    })()"""
    usual = ["bicubic", "original", "vgg", "ctmae", "random_tmae"]
    rising = ["bicubic", "vgg", "random_tmae", "original", "ctmae"]
    assert page.run(script) == [[None, usual], ["ascending", rising], ["descending", rising[::-1]], [None, usual]]


def test_what_has_no_value_stays_last(page: Page) -> None:
    script = """(() => {
      const table = document.querySelector("#mae_loss-table3 table.numbers");
      const button = table.tHead.rows[2].cells[1].querySelector("button");
      const order = [];
      for (let turn = 0; turn < 3; turn++) {
        button.click();
        order.push([...table.tBodies[0].rows].map((row) => row.querySelector(".loss").textContent));
      }
      return order.slice(0, 2);
    })()"""
    up, down = page.run(script)
    assert up == ["vgg", "random_tmae", "ctmae", "bicubic", "original"]
    assert down == ["ctmae", "random_tmae", "vgg", "bicubic", "original"]


def test_heads_are_sorted_by_keyboard_alone(page: Page) -> None:
    page.run("document.querySelector('#mae_loss-table4 table.numbers thead button').focus()")
    page.press("Enter")
    sort = "document.querySelector('#mae_loss-table4 table.numbers thead th').getAttribute('aria-sort')"
    assert page.run(sort) == "ascending"


def test_the_filter_hides_claims_by_verdict(page: Page) -> None:
    script = """(() => {
      const shown = () => [...document.querySelectorAll(".claim")].filter((claim) => !claim.hidden).length;
      const box = document.querySelector('.filter input[value="contradicted"]');
      const seen = [shown()];
      for (let turn = 0; turn < 2; turn++) { box.click(); seen.push(shown()); }
      return [seen, document.querySelector(".filter .shown").textContent];
    })()"""
    assert page.run(script) == [[6, 4, 6], "6 of 6 claims"]


def test_the_slider_moves_the_cut_and_is_worked_by_keyboard(page: Page) -> None:
    clip = "getComputedStyle(document.querySelector('.half.left')).clipPath"
    before = page.run(clip)
    page.run("document.querySelector('.cut input').focus()")
    for _ in range(5):
        page.press("ArrowRight")
    assert page.run("document.querySelector('.cut input').value") == "55"
    assert page.run("document.querySelector('.halves').style.getPropertyValue('--cut')") == "55%"
    assert page.run(clip) != before


def test_the_slider_shows_reference_and_best_first_and_then_what_is_chosen(page: Page) -> None:
    script = """(() => {
      const box = document.querySelector(".comparison");
      const names = () => [...box.querySelectorAll(".half")].map((half) => half.textContent);
      const seen = [names()];
      const select = box.querySelector("select.right");
      select.value = "ground truth";
      select.dispatchEvent(new Event("change"));
      const wanted = box.querySelector('[data-label="ground truth"] img').src;
      return [...seen, names(), box.querySelector(".half.right img").src === wanted];
    })()"""
    assert page.run(script) == [["ctmae", "original"], ["ground truth", "original"], True]


def transforms(page: Page) -> list[str]:
    """Return the different transforms of the pictures in the first comparison."""
    script = """[...new Set([...document.querySelector(".comparison").querySelectorAll(".viewport img, .half img")]
      .map((image) => new DOMMatrix(getComputedStyle(image).transform).a.toFixed(3)))]"""
    found: list[str] = page.run(script)
    return found


def test_all_versions_zoom_together_by_button_and_by_key(page: Page) -> None:
    assert transforms(page) == ["1.000"]
    page.run("document.querySelector('.comparison [data-do=in]').click()")
    assert transforms(page) == ["1.500"]
    page.run("document.querySelector('.comparison .versions').focus()")
    page.press("+")
    assert transforms(page) == ["2.250"]
    place = "document.querySelector('.comparison').style.getPropertyValue('--x')"
    before = page.run(place)
    page.press("ArrowRight")
    assert float(page.run(place).rstrip("%")) < float(before.rstrip("%"))
    page.press("0")
    assert transforms(page) == ["1.000"]
    others = page.run("document.querySelectorAll('.comparison')[1].style.getPropertyValue('--zoom')")
    assert others == "1", "another comparison has a zoom of its own"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_no_width_scrolls_the_page_sideways(page: Page, width: int, scheme: str) -> None:
    page.size(width, 844, scheme)
    page.run(SCROLL)
    assert page.run("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
def test_the_first_screen_holds_the_sentence_and_the_first_rows_of_the_matrix(
    page: Page, width: int, height: int, scheme: str
) -> None:
    page.size(width, height, scheme)
    page.run("document.documentElement.style.scrollBehavior = 'auto'; scrollTo(0, 0)")
    found = page.run(FIRST_SCREEN)
    assert 0 < found["sentence"] < min(found["rows"])
    assert len(found["rows"]) == 2 and max(found["rows"]) < height
    # of the first task both axes and the cost of a step are in sight
    assert found["name"] >= 0 and max(found["cells"][:4]) <= found["right"] <= width
    assert page.run("document.documentElement.scrollWidth") == width


def test_many_tasks_scroll_inside_their_own_box_with_the_losses_in_sight(page: Page) -> None:
    page.size(390, 844)
    script = """(() => {
      scrollTo(0, 0);
      const table = document.querySelector(".matrix");
      const box = table.closest(".scroll");
      box.scrollLeft = 10_000;
      const name = table.querySelector("tbody .name").getBoundingClientRect();
      const found = [box.scrollLeft > 0, Math.round(name.left - box.getBoundingClientRect().left), scrollX];
      box.scrollLeft = 0;
      return found;
    })()"""
    assert page.run(script) == [True, 0, 0]
    assert page.run("document.documentElement.scrollWidth") == 390


def test_light_and_dark_differ_and_text_is_readable_in_both(page: Page) -> None:
    colours: dict[str, Any] = {}
    for scheme in ("light", "dark"):
        page.size(1440, 900, scheme)
        colours[scheme] = page.run(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).background]"
        )
    assert colours["light"][0] != colours["dark"][0]
    assert "rgb(252, 252, 250)" in colours["light"][1] and "rgb(20, 23, 27)" in colours["dark"][1]


def test_print_opens_everything_and_leaves_the_tools_out(page: Page, tmp_path: Path) -> None:
    page.run("for (const details of document.querySelectorAll('details')) details.open = false")
    content = page.call("Page.printToPDF")["data"]
    assert len(content) > 10_000
    assert page.run("[...document.querySelectorAll('details')].every((details) => details.open)")


def test_without_scripts_the_numbers_and_the_grid_are_there(page: Page) -> None:
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(page.requests[0])
        root = page.call("DOM.getDocument")["root"]["nodeId"]
        found = page.call("DOM.querySelectorAll", nodeId=root, selector=".versions img")["nodeIds"]
        hidden = page.call("DOM.querySelectorAll", nodeId=root, selector=".slider[hidden], .tools[hidden]")["nodeIds"]
        assert (len(found), len(hidden)) == (2 * 2 * 6, 2 * 2 * 2)
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)


def test_claims_are_folded_a_paper_and_kind_until_asked_for(page: Page) -> None:
    page.open(page.requests[0])
    folds = page.run("[...document.querySelectorAll('#claims details')].map((one) => [one.open, one.innerText.trim()])")
    assert folds == [
        [False, "text sentences of the paper 4: 2 confirmed in size, 2 contradicted"],
        [False, "ours questions of this project 2: 2 not attempted"],
    ]
    page.run("document.querySelector('#claims summary').focus()")
    page.press("Enter")
    assert page.run("document.querySelector('#claims details').open")
