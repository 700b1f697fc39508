"""The report as a person sees it: its charts, and the page in narrow windows and on paper."""

import shutil

import pytest
from browsers import needs_chromium
from driven import Driven
from javascript import in_node
from small_runs import MODELS

from minidecomp.cli.main import main
from minidecomp.figures.classes import SHAPES
from minidecomp.page import parts
from minidecomp.report import page

NODE = shutil.which("node")

CHARTS = """
const noisy = Array.from({ length: 100 }, (_, i) => (i % 2 ? 1 : -1) + (i === 0 ? 50 : 0));
const straight = Array.from({ length: 100 }, (_, i) => i);
return {
  straight: smoothed(straight, smoothingReach(straight)),
  gap: smoothed([1, null, 3, 5, 7], 1),
  spread: Math.max(...smoothed(noisy, smoothingReach(noisy)).slice(5, -5).map(Math.abs)),
  short: smoothingReach([1, 2, 3]),
  flat: shownRange([2, 2, 2]),
  whole: shownRange(straight),
  cut: shownRange([...Array.from({ length: 300 }, (_, i) => i % 10), 1e6]),
  schedule: shownRange([...Array.from({ length: 300 }, (_, i) => i % 10), 1e6], true),
  decades: logTicks(-2.2, 3.1),
  within: logTicks(0.2, 0.9).map((tick) => Math.round(10 ** tick)),
};
"""


@pytest.mark.skipif(NODE is None, reason="no node")
def test_charts_are_smoothed_lightly_and_keep_their_ends():
    scripts = [(parts.HERE / "ticks.js").read_text(), (page.HERE / "chart.js").read_text()]
    found = in_node(CHARTS, {}, *scripts)
    assert found["straight"] == pytest.approx(list(range(100))), "no end is pulled towards the middle"
    assert found["gap"] == [1, None, 4, 5, 7] and found["spread"] < 0.5 and found["short"] == 0
    assert found["flat"] == {"low": 1.5, "high": 2.5, "outside": 0}
    assert found["whole"]["low"] < 0 and found["whole"]["high"] > 99 and found["whole"]["outside"] == 0
    assert found["cut"]["high"] < 20 and found["cut"]["outside"] == 1, "what lies outside is counted"
    assert found["schedule"]["high"] > 1e6 and found["schedule"]["outside"] == 0
    assert found["decades"] == [-2, 0, 2] and found["within"] == [2, 5]


AREAS = """
const area = (outline) => Math.abs(outline.reduce((sum, [x, y], k) => {
  const [u, v] = outline[(k + 1) % outline.length];
  return sum + (x * v - u * y) / 2;
}, 0));
return Object.fromEntries(Object.entries(OUTLINES).map(([shape, outline]) => [shape, area(outline)]));
"""


@pytest.mark.skipif(NODE is None, reason="no node")
def test_the_shapes_of_the_pictures_are_drawn_and_equally_large():
    found = in_node(AREAS, {}, (parts.HERE / "class_marks.js").read_text())
    assert sorted(["o", *found]) == sorted(SHAPES)
    assert list(found.values()) == pytest.approx([3.14] * len(found), abs=0.3), "as a circle of radius 1"


# Texts that a narrow element breaks inside a word: a line's end that follows and precedes a letter
BROKEN = """
Array.from(document.querySelectorAll("h1, h2, h3, th, td, p, summary, .chip span")).filter((element) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), range = document.createRange();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    let before = null;
    for (let i = 0; i < node.data.length; i++) {
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const box = range.getBoundingClientRect();
      if (box.width === 0) continue;
      const isBroken = before !== null && box.top > before + 4;
      if (isBroken && /[\\p{L}\\d]{2}/u.test(node.data.slice(i - 1, i + 1))) return true;
      before = box.top;
    }
  }
  return false;
}).map((element) => element.textContent)
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The reports of a run in the plane whose alpha is 0 and whose beta rises, and of one of named columns."""
    folder = tmp_path_factory.mktemp("views")
    names = "sepal length (cm),a_name_of_a_column_that_is_far_too_long_for_a_phone,c"
    rows = [f"{i % 7},{i % 5 * 1000},{i % 3 / 100}" for i in range(60)]
    (folder / "named.csv").write_text("\n".join([names, *rows]))
    common = ["--quiet", "--no-plots", "--threads", "1", "--hidden", "8"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        plane = MODELS["plane"].replace("--alpha 3", "--beta-warmup 3").split()
        assert main(["train", *plane, "--quiet", "--no-plots", "--threads", "1", "--out", "plane"]) == 0
        named = ["--data", "named.csv", "--scale", "standardise", "--latent-dim", "1", "--epochs", "40"]
        assert main(["train", *named, *common, "--out", "named"]) == 0
        for name in ("plane", "named"):
            assert main(["evaluate", name, "-q"]) == 0 and main(["report", name]) == 0
    return folder


@pytest.mark.slow
@needs_chromium
def test_the_plane_stays_in_view_on_a_phone(pages, tmp_path):
    with Driven(pages / "plane/report.html", tmp_path, width=390, height=844) as page:
        page.value("document.getElementById('z1').scrollIntoView({ block: 'end' })")
        before = page.value("document.getElementById('plane').toDataURL()")
        page.value("document.getElementById('z1').focus()")
        page.key("ArrowRight")
        box = page.value(
            "(({ top, bottom }) => [top, bottom])(document.getElementById('plane').getBoundingClientRect())"
        )
        slider = page.value("document.getElementById('z1').getBoundingClientRect().top")
        assert box[0] >= 0 and box[1] <= slider < 844
        assert page.value("document.getElementById('plane').toDataURL()") != before
        assert page.console == []


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("name", ["plane", "named"])
def test_nothing_is_broken_inside_a_word_and_nothing_is_wider_than_the_window(name, pages, tmp_path):
    with Driven(pages / name / "report.html", tmp_path, width=390, height=844) as page:
        for width in (390, 700, 1000, 1300):
            page.resize(width, 900)
            assert page.value(BROKEN) == []
            assert page.value("document.documentElement.scrollWidth <= innerWidth")
        tops = page.value(
            "['evaluation', 'settings'].map((id) => document.getElementById(id).getBoundingClientRect().left)"
        )
        assert tops[1] > tops[0] + 400, "side by side on a wide screen"
        heights = page.value(
            "fillTable('columns', ['petal_length', 'c'].map((name) => [name, '4.4', '4.6771', '0.59684']), "
            "['', 'test point', 'E[x|z]', 'scale']);"
            "Array.from(document.querySelectorAll('#columns tr')).slice(1).map((row) => row.offsetHeight)"
        )
        assert heights[0] == heights[1], "a name that fits is in one line"


@pytest.mark.slow
@needs_chromium
def test_a_term_without_weight_is_left_out_and_paper_is_light(pages, tmp_path):
    with Driven(pages / "plane/report.html", tmp_path, dark=True) as page:
        formula = page.value("document.getElementById('formula').textContent")
        assert formula == "L(x) = E_q(z|x)[log p(x|z)] − KL(q(z|x) || p(z))"
        assert "beta changes during training" in page.value("document.getElementById('weights').textContent")
        titles = page.value("Array.from(document.querySelectorAll('.curve h3'), (each) => each.textContent)")
        assert titles[:4] == ["log-likelihood (nats)", "KL (nats)", "objective (nats)", "beta"]
        assert page.value("document.querySelectorAll('#classes .chip').length") == 4
        paper = "getComputedStyle(document.body).backgroundColor"
        dark = page.value(paper)
        page.value("dispatchEvent(new Event('beforeprint'))")
        assert page.value(paper) == "rgb(255, 255, 255)" != dark
        assert page.value("document.querySelector('details:not([open])') === null")
        page.value("dispatchEvent(new Event('afterprint'))")
        assert page.value(paper) == dark and page.value("document.querySelector('details[open]') === null")
        assert page.console == []
