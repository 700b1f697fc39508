"""The playground in a browser, as people use it: every control, the tour, the keyboard, a phone, files and links."""

import json
import tomllib

import numpy as np
import pytest
from browsers import needs_chromium
from driven import Driven

from minidecomp import load_run
from minidecomp.cli.main import main
from minidecomp.playground import write_playground

pytestmark = [pytest.mark.slow, needs_chromium]

STEP = "playground.snapshot ? playground.snapshot.step : 0"
DIALS = "playground.snapshot.dials"
ARROWS = ["log_likelihood", "kl", "regulariser", "sum"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "playground.html"
    write_playground(path)
    return path


@pytest.fixture
def opened(page, tmp_path):
    """Opens the page; what is opened is closed at the end, and its console has to be empty."""
    browsers = []

    def open_page(fragment="", path=page, **more):
        folder = tmp_path / str(len(browsers))
        folder.mkdir()
        browsers.append(Driven(path, folder, fragment, **more))
        return browsers[-1]

    yield open_page
    consoles = []
    for browser in browsers:
        if browser.is_open:
            browser.value("1")  # what was said last arrives with the answer
        consoles += browser.console
        browser.close()
    assert consoles == []


def at_step(browser, step, seconds=90):
    """Wait for a step, pause, and wait until the page shows where training stands."""
    browser.until(f"({STEP}) >= {step} && playground.snapshot.running", seconds)
    browser.click("#play")
    browser.until("playground.snapshot && playground.snapshot.running === false")


def set_field(browser, name, text):
    """Type a value into a setting's field, as a person does, and leave it."""
    browser.value(
        f"(() => {{ const field = document.getElementById('set-{name}'); field.focus(); field.value = {text!r};"
        "field.dispatchEvent(new Event('change', { bubbles: true })); })()"
    )


def test_it_trains_from_the_first_second_and_four_clusters_form(opened):
    """The first page: within 500 steps each component of the mixture has the points of one arm."""
    browser = opened()
    at_step(browser, 500)
    found = browser.value(
        "(() => { const { encodings: { loc }, dials } = playground.snapshot, { labels } = playground.data;"
        "return { loc: Array.from(loc), labels: Array.from(labels), dials }; })()"
    )
    loc = np.reshape(found["loc"], (-1, 2))
    centres = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    nearest = ((loc[:, None] - centres) ** 2).sum(-1).argmin(1)
    labels = np.array(found["labels"])
    shares = [np.bincount(nearest[labels == arm], minlength=4).max() / (labels == arm).sum() for arm in range(4)]
    assert min(shares) > 0.9 and len({np.bincount(nearest[labels == arm]).argmax() for arm in range(4)}) == 4
    assert found["dials"]["klPQ"] < 0.3
    assert "a match" in browser.value("document.querySelector('.dials-sentence').textContent")


def test_alpha_matches_and_without_it_the_match_goes(opened):
    browser = opened("alpha=5&beta=0.5")
    at_step(browser, 400)
    assert browser.value(DIALS)["klPQ"] < 0.3
    browser.click("#play")
    set_field(browser, "alpha", "0")
    browser.until(f"{DIALS}.klPQ > 2", 90)
    assert browser.value("playground.snapshot.options.alpha") == 0
    assert browser.value("playground.snapshot.look.pulls.regulariser === undefined")


def test_an_arrows_number_is_read_with_its_formula(opened):
    browser = opened()
    at_step(browser, 30)
    browser.click("#latent-plane canvas", 0.5, 0.5)
    browser.until("playground.view.chosen !== null")
    chosen = browser.value("playground.view.chosen")
    browser.until(f"document.getElementById('point-panel').textContent.includes('Point {chosen + 1} ')")
    panel = browser.value("document.getElementById('point-panel').textContent")
    assert f"Point {chosen + 1} " in panel and "equal" in panel and "NOT EQUAL" not in panel
    pull = browser.value(
        "(() => { const { look } = playground.snapshot, at = look.rows.indexOf(playground.view.chosen);"
        "return look.pulls.regulariser.loc[2 * at].toPrecision(6); })()"
    )
    assert str(float(pull)) in panel and "logsumexp" in panel and "sum_d -t^2 / 2" in panel


def test_every_setting_changes_training_as_it_runs(opened):
    browser = opened()
    at_step(browser, 20)
    changes = {
        "alpha": "2",
        "beta": "3",
        "lr": "0.01",
        "samples": "2",
        "batch_size": "100",
        "components": "6",
        "component_radius": "1.5",
        "prior_variance_scale": "0.1",
        "log_prior_multiplier": "2",
    }
    for name, text in changes.items():
        set_field(browser, name, text)
        assert browser.value(f"playground.options.{name}") == float(text), name
    choices = {
        "regulariser": "mmd",
        "scale_link": "exp",
        "likelihood": "laplace",
        "activation": "tanh",
        "prior": "sparse",
    }
    for name, value in choices.items():
        set_field(browser, name, value)
        assert browser.value(f"playground.options.{name}") == value
    set_field(browser, "gamma", "0.5")
    set_field(browser, "prior", "student-t")
    set_field(browser, "df", "3")
    step = browser.value(STEP)
    browser.click("#step")
    browser.until(f"({STEP}) === {step + 1} && playground.snapshot.options.df === 3")
    for name, text in {"hidden": "20,10", "latent_dim": "4", "seed": "7"}.items():
        set_field(browser, name, text)
        browser.until(f"({STEP}) === 0")
        browser.click("#step")
        browser.until(f"({STEP}) === 1")
    assert browser.value("playground.snapshot.encodings.loc.length") == 4 * 400


def test_a_wrong_value_is_one_line_and_changes_nothing(opened):
    browser = opened()
    at_step(browser, 5)
    for name, text in (("alpha", "-1"), ("lr", "x"), ("hidden", "999"), ("batch_size", "0")):
        before = browser.value(f"JSON.stringify(playground.options.{name})")
        set_field(browser, name, text)
        fault = browser.value(f"document.getElementById('fault-{name}').textContent")
        assert fault.startswith(f"{name} must be ") and fault.endswith(f"not {text}"), fault
        assert browser.value(f"JSON.stringify(playground.options.{name})") == before


def stops():
    from minidecomp.playground.page import HERE

    return json.loads((HERE / "tour.json").read_text("utf-8"))


@pytest.mark.parametrize("stop", stops(), ids=lambda stop: stop["id"])
def test_a_stop_shows_what_it_promises(stop, opened):
    browser = opened(f"stop={stop['id']}")
    assert browser.value("document.getElementById('tour-question').textContent") == stop["question"]
    at_step(browser, stop["steps"], 180)
    quantities = browser.value(
        "(() => { const { dials, dimensions: { spread }, look: { values } } = playground.snapshot;"
        "return { ...dials, mmd: values.regulariser, kl: values.kl, log_likelihood: values.log_likelihood,"
        "maxSpread: Math.max(...spread), sleeping: Array.from(spread).filter((each) => each < 0.1).length }; })()"
    )
    for quantity, sign, number in stop["promises"]:
        value = quantities[quantity]
        assert value < number if sign == "<" else value > number, (quantity, value)


def test_the_tour_is_walked_by_its_buttons(opened):
    browser = opened()
    browser.click("#tour-begin")
    for number, stop in enumerate(stops(), 1):
        assert browser.value("document.getElementById('tour-place').textContent").startswith(f"{number} of 7")
        assert browser.value("document.getElementById('tour-look-for').textContent") == stop["look_for"]
        for name, value in stop["options"].items():
            assert browser.value(f"playground.options.{name}") == value
        if number < 7:
            browser.click("#tour-next")
    browser.click("#tour-leave")
    assert browser.value("document.getElementById('tour-begin').hidden") is False


def test_the_keyboard_alone(opened):
    browser = opened()
    browser.until(f"({STEP}) > 3")
    browser.key(" ")
    browser.until("playground.snapshot.running === false")
    step = browser.value(STEP)
    browser.key("ArrowRight")
    browser.until(f"({STEP}) === {step + 1}")
    browser.key("s")
    browser.until(f"({STEP}) === {step + 2}")
    for number, name in enumerate(ARROWS, 1):
        before = browser.value(f"playground.view.arrows.{name}")
        browser.key(str(number))
        assert browser.value(f"playground.view.arrows.{name}") is not before
    browser.value("document.querySelector('#latent-plane canvas').focus()")
    browser.key("ArrowRight")
    first = browser.value("playground.view.chosen")
    assert first is not None
    chosen = []
    for arrow in ("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"):
        browser.key(arrow)
        chosen.append(browser.value("playground.view.chosen"))
    # The first point may have no other on one side, but it has one on some side.
    assert any(point != first for point in chosen), (first, chosen)
    browser.key("Escape")
    assert browser.value("playground.view.chosen") is None
    browser.key(" ")
    browser.until(f"({STEP}) > {step + 4}")
    browser.key("r")
    browser.until(f"({STEP}) < {step}")
    browser.key("?")
    assert browser.value("document.getElementById('keys').open")


def test_all_controls_have_names_and_can_be_reached(opened):
    browser = opened()
    browser.until(f"({STEP}) > 0")
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "slider", "textbox", "combobox", "checkbox", "application", "img"}
    unnamed = [
        node["role"]["value"]
        for node in tree
        if not node.get("ignored") and node["role"]["value"] in roles and not node.get("name", {}).get("value")
    ]
    assert unnamed == []
    count = browser.value(
        "Array.from(document.querySelectorAll('button, input, select, summary, canvas[tabindex]'))"
        ".filter((each) => each.tabIndex < 0 && each.offsetParent).length"
    )
    assert count == 0


def test_a_phone(opened):
    browser = opened(width=390, height=844)
    browser.until(f"({STEP}) > 3")
    assert browser.value("document.documentElement.scrollWidth") <= 390
    browser.value("document.getElementById('set-lr').scrollIntoView({ block: 'end' })")
    tops = browser.value(
        "['#latent-plane canvas', '#data-plane canvas', '#play'].map((each) => "
        "(({ top, bottom }) => [top, bottom])(document.querySelector(each).getBoundingClientRect()))"
    )
    assert all(0 <= top < bottom <= 844 for top, bottom in tops)


NOTE = "document.querySelector('#latent-plane .plane-note span').textContent"
SAID = "document.querySelector('#latent-plane [role=status]').textContent"
FOCUS = "document.activeElement.id"


def test_a_chosen_point_s_numbers_follow_training_and_lead_to_its_formulas(opened):
    browser = opened()
    assert "Click a point" in browser.value("document.getElementById('lead').textContent")
    at_step(browser, 5)
    browser.value("playground.choose(204)")
    said = browser.until(SAID)
    note = browser.value(NOTE)
    assert note == said and note.startswith("point 205 (arm 2): z1 ")
    step = browser.value(STEP)
    browser.click("#step")
    browser.until(f"({STEP}) === {step + 1}")
    browser.until(f"{NOTE} !== {note!r}")
    assert browser.value(SAID) == said, "a screen reader does not read each step's numbers"
    browser.value("playground.choice.chooseData('moons')")
    browser.until(f"{SAID}.includes('moon') && {NOTE} === {SAID}")
    browser.click("#latent-plane .plane-note button")
    assert browser.value(FOCUS) == "point-title"
    browser.value("scrollTo(0, 0)")
    browser.value("document.activeElement.blur()")
    browser.key("p")
    assert browser.value(FOCUS) == "point-title"
    top = browser.value("document.getElementById('point-title').getBoundingClientRect().top")
    assert -1 <= top < 1000
    browser.value("playground.choose(null)")
    browser.until(f"{NOTE} === '' && document.querySelector('.plane-note button').hidden")


def test_the_point_s_numbers_come_before_the_settings(opened):
    browser = opened()
    order = "document.getElementById('below').compareDocumentPosition(document.getElementById('settings'))"
    assert browser.value(order) == 4  # DOCUMENT_POSITION_FOLLOWING


@pytest.mark.parametrize("width", [1300, 390])
def test_what_is_drawn_in_the_latent_plane_is_in_its_legend(width, opened):
    browser = opened(width=width)
    browser.until(f"({STEP}) > 3")
    shown = (
        "Array.from(document.querySelectorAll('#latent-plane .arrow-legend-item'))"
        ".filter((each) => each.offsetHeight > 0).map((each) => each.textContent)"
    )
    assert browser.until(shown)[:5] == ["q(z)", "p(z): 50, 90 %", "reconstruction", "beta KL", "alpha D"]
    marks = browser.value(
        "Array.from(document.querySelectorAll('#data-plane .class-mark path')).map((each) => each.getAttribute('d'))"
    )
    assert len(marks) == len(set(marks)) == 4, "each class has its shape"
    set_field(browser, "latent_dim", "1")
    browser.until(f"{shown}.includes('p(z)')")
    assert "p(z): 50, 90 %" not in browser.value(shown)


@pytest.mark.parametrize(("width", "height"), [(1300, 900), (1280, 640), (390, 844)])
def test_planes_and_dials_stay_in_view_while_a_person_reads_what_to_look_for(width, height, opened):
    browser = opened("stop=spikes", width=width, height=height)
    browser.until(f"({STEP}) > 3")
    browser.click("#tour-look summary")
    browser.until("document.getElementById('tour-look').open")
    assert browser.value("document.documentElement.scrollWidth") <= width
    if width < 600:  # there the text is below the planes, which stay at the top
        browser.value("document.getElementById('tour-steps').scrollIntoView({ block: 'end' })")
    boxes = browser.value(
        "['#latent-plane canvas', '#data-plane canvas', '.dial svg', '.dials-sentence'].map((each) => "
        "(({ top, bottom }) => [top, bottom])(document.querySelector(each).getBoundingClientRect()))"
    )
    assert all(0 <= top < bottom <= height for top, bottom in boxes), boxes
    sizes = browser.value(
        "Array.from(document.querySelectorAll('.dial text')).map((each) => "
        "parseFloat(getComputedStyle(each).fontSize) * each.getScreenCTM().a)"
    )
    assert len(sizes) >= 10 and min(sizes) >= 11, "the dials' labels can be read"


def test_boxes_to_tick_are_large_enough_for_a_finger(opened):
    browser = opened(width=390, height=844)
    sizes = browser.value(
        "Array.from(document.querySelectorAll('#shown-what input')).map((each) => each.getBoundingClientRect().width)"
    )
    assert sizes and min(sizes) >= 24


def test_what_is_spoken_is_news(opened):
    browser = opened("lr=0.00001")  # so that no dial changes its zone
    browser.until(f"({STEP}) > 3")
    browser.value(
        "(() => { playground.heard = []; const spoken = document.getElementById('spoken');"
        "const hear = new MutationObserver(() => playground.heard.push(spoken.textContent));"
        "hear.observe(spoken, { childList: true }); })()"
    )
    browser.value("playground.lastSpoken = -Infinity")
    step = browser.value(STEP)
    browser.until(f"({STEP}) > {step + 20}")
    assert browser.value("playground.heard") == []
    set_field(browser, "beta", "2")
    browser.until("playground.heard.length === 1")
    assert "beta is 2 from about step" in browser.value("playground.heard[0]")
    browser.click("#play")
    browser.until("playground.heard.length === 2 && playground.snapshot.running === false")
    spoken = browser.value("playground.heard[1]")
    assert "paused" in spoken and f"Step {browser.value(STEP):,}," in spoken and "beta is" not in spoken
    browser.value("playground.redraw()")
    browser.value("new Promise((resolve) => setTimeout(resolve, 200))")
    assert browser.value("playground.heard.length") == 2


def test_the_focus_stays_in_the_tour(opened):
    browser = opened()
    browser.value("document.getElementById('tour-begin').focus()")
    browser.key("Enter")
    assert browser.value(FOCUS) == "tour-next"
    for _ in range(6):
        browser.key("Enter")
    assert browser.value("document.getElementById('tour-place').textContent") == "7 of 7"
    browser.value("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    assert browser.value(FOCUS) == "tour-previous"
    browser.value("document.getElementById('tour-leave').focus()")
    browser.key("Enter")
    assert browser.value(FOCUS) == "tour-begin"


def test_each_setting_has_its_help_without_a_pointer(opened):
    browser = opened()
    unexplained = browser.value(
        "Array.from(document.querySelectorAll('[id^=set-], .setting input[type=range]')).filter((each) => "
        "!document.getElementById(each.getAttribute('aria-describedby').split(' ')[0])?.textContent)"
        ".map((each) => each.id)"
    )
    assert unexplained == []
    browser.click("#settings fieldset .help summary")
    assert browser.value("document.getElementById('help-alpha').offsetHeight") > 0
    slider = "document.getElementById('set-alpha').parentElement.querySelector('[type=range]')"
    assert browser.value(f"{slider}.ariaLabel") == "alpha (match)"


def test_dark_and_reduced_motion(opened):
    backgrounds = []
    for dark in (False, True):
        browser = opened(dark=dark)
        browser.until(f"({STEP}) > 3")
        colour = browser.value("getComputedStyle(document.body).backgroundColor")
        backgrounds.append(sum(int(each) for each in colour.strip("rgb()").split(",")))
        browser.close()
    assert backgrounds[0] > 700 > 150 > backgrounds[1]
    still = opened(reduced_motion=True)
    still.until(f"({STEP}) > 3")
    drawn = "(() => { playground.drawn = 0; const draw = playground.panel.draw.bind(playground.panel);"
    drawn += "playground.panel.draw = (...all) => { playground.drawn += 1; return draw(...all); }; })()"
    still.value(drawn)
    still.value("new Promise((resolve) => setTimeout(resolve, 2000))")
    assert still.value("playground.drawn") <= 6, "twice a second"


def test_an_address_brings_the_same_numbers_again(opened):
    browser = opened("prior=student-t&df=3&seed=5&alpha=2&regulariser=mmd&data=moons&hidden=16")
    at_step(browser, 40)
    step, vector = browser.value(STEP), "Array.from(playground.snapshot.model.vector)"
    before = browser.value(vector)
    link = browser.until("location.hash.slice(1)")
    again = opened(link)
    again.until(f"({STEP}) > 0")
    again.click("#play")
    again.value("playground.begin(null)")
    again.until(f"({STEP}) === 0")
    for name in ("prior", "df", "seed", "alpha", "regulariser", "data"):
        assert again.value(f"String(playground.options.{name})") == browser.value(f"String(playground.options.{name})")
    for _ in range(step):
        again.value("playground.send({ do: 'step' })")
    again.until(f"({STEP}) === {step}", 60)
    assert again.value(vector) == before


def saved(browser, folder):
    """The files that Save offers, written into a folder; returns config.toml's values."""
    browser.click("#save-button")
    config = browser.value("document.getElementById('save-config').textContent")
    points = browser.value("(() => { const file = fileOf(playground.data); return file && file.text; })()")
    folder.mkdir()
    (folder / "config.toml").write_text(config, "utf-8")
    if points is not None:
        (folder / "points.csv").write_text(points, "utf-8")
    assert "minidecomp train --config config.toml" in browser.value("document.getElementById('save').textContent")
    browser.click("#save-close")
    return tomllib.loads(config)


@pytest.mark.parametrize(
    "fragment", ["", "data=ring&prior=gaussian&regulariser=mmd&samples=2", "data=hearts&hidden=8&batch_size=100"]
)
def test_the_saved_command_trains_the_same_model(fragment, opened, tmp_path, monkeypatch):
    browser = opened(fragment)
    if "batch_size" in fragment:  # whole epochs, for the command has no half ones
        browser.until(f"({STEP}) > 0")
        browser.click("#play")
        browser.until("playground.snapshot.running === false")
        while browser.value("playground.snapshot.row"):
            step = browser.value(STEP)
            browser.click("#step")
            browser.until(f"({STEP}) === {step + 1}")
    else:
        at_step(browser, 30)
    vector = browser.value("Array.from(playground.snapshot.model.vector)")
    values = saved(browser, tmp_path / "saved")
    assert values["dtype"] == "float64" and values["engine"] == "cpu"
    monkeypatch.chdir(tmp_path / "saved")
    assert main(["train", "--config", "config.toml", "--no-plots", "--quiet", "--out", "run"]) == 0
    np.testing.assert_allclose(load_run("run").vae.parameters.vector, vector, rtol=1e-9, atol=1e-9)


def drop(browser, name, text, on="document.body"):
    """Drop a file on an element of the page."""
    browser.value(
        "(() => { const data = new DataTransfer();"
        f"data.items.add(new File([{json.dumps(text)}], {json.dumps(name)}));"
        f"{on}.dispatchEvent(new DragEvent('drop', {{ dataTransfer: data, bubbles: true, cancelable: true }})); }})()"
    )


def text_of(browser, element):
    return browser.value(f"document.getElementById({element!r}).textContent")


def choose(browser, element, value):
    """Choose a value of a select."""
    browser.value(
        f"(() => {{ const field = document.getElementById({element!r}); field.value = {value!r};"
        "field.dispatchEvent(new Event('change', { bubbles: true })); })()"
    )


def test_drawn_points_and_dropped_tables_are_trained_on(opened):
    browser = opened()
    browser.until(f"({STEP}) > 0")
    browser.click("#pad summary")
    for across, down in ((0.2, 0.2), (0.3, 0.25), (0.7, 0.8), (0.8, 0.7), (0.5, 0.5), (0.4, 0.6)):
        browser.click("#pad-canvas", across, down)
    browser.click("#pad-train")
    browser.until(
        "playground.data.name === 'drawn' && playground.snapshot && playground.snapshot.encodings.loc.length === 10"
    )
    assert "5 of the 6 points train; 1 is kept" in text_of(browser, "about-data")
    linked = opened(browser.until("location.hash.includes('points=') && location.hash.slice(1)"))
    assert linked.value("playground.pad.points.length") == 6
    table = "a,<b>bold</b>,label\n" + "\n".join(f"{i},{i * i % 7},{'uv'[i % 2]}" for i in range(30))
    drop(browser, "<i>t</i>.csv", table, on="document.documentElement")
    browser.until("playground.data.rows === 27 && playground.snapshot && playground.snapshot.step > 2")
    assert browser.value("playground.data.classNames.join()") == "u,v"
    assert browser.value("document.querySelectorAll('b').length") == 0
    drop(browser, "bad.csv", "a,b\n1,x\n2,\n")
    browser.until("document.getElementById('fault-data').textContent.includes('bad.csv')")
    assert browser.value("playground.data.rows") == 27
    set_field(browser, "alpha", "1")
    assert text_of(browser, "fault-data") == text_of(browser, "note") == "", "a fault goes with the next change"
    again = opened(browser.until("location.hash.includes('alpha=1') && location.hash.slice(1)"))
    assert "drop it here" in text_of(again, "note") and again.value("playground.data.name") == "pinwheel"


def test_a_table_s_size_and_its_columns(opened, tmp_path, monkeypatch):
    browser = opened("points_per_arm=5")
    browser.until(f"({STEP}) > 0")
    rows = "\n".join(f"{1950 + i},{i * i * 250},{i * 7 % 31}" for i in range(40))
    drop(browser, "t.csv", f"year,income,age\n{rows}\n")
    browser.until("playground.data.rows === 36")
    assert "--scale standardise brings each column to mean 0" in text_of(browser, "note")
    browser.click("#standardise")
    browser.until("playground.options.scale === 'standardise' && playground.snapshot && playground.snapshot.step > 1")
    assert text_of(browser, "note") == "" and browser.value("playground.snapshot.look.values.kl") < 100
    choose(browser, "column-1", "1")
    assert browser.value("playground.view.columns") == [1, 0]
    choose(browser, "column-2", "2")
    assert browser.value("playground.view.columns") == [1, 2]
    set_field(browser, "likelihood", "bernoulli")
    assert "bernoulli" in text_of(browser, "fault-likelihood")
    set_field(browser, "alpha", "2")
    assert text_of(browser, "fault-likelihood") == ""
    at_step(browser, 3)
    values = saved(browser, tmp_path / "saved")
    assert values["scale"] == "standardise" and "in the same folder as config.toml" in text_of(browser, "save-notes")


def test_what_is_set_for_the_data_is_said_and_goes_with_it(opened):
    browser = opened("data=hearts&show=data,ellipses&pace=5&point=3&latent_dim=1")
    browser.until("playground.snapshot && playground.snapshot.step > 0")
    assert browser.value("[playground.options.hidden.join(), playground.options.likelihood]") == ["32", "bernoulli"]
    assert "hidden widths are 32" in text_of(browser, "note") and "bernoulli" in text_of(browser, "note")
    assert browser.value("document.getElementById('pace').value") == "5"
    boxes = "Array.from(document.querySelectorAll('#layers input')).map((box) => box.checked)"
    assert browser.value(boxes) == [True, False, False, True]
    hash_ = browser.until("location.hash.slice(1)")
    assert sorted(hash_.split("&")) == ["data=hearts", "latent_dim=1", "pace=5", "point=3", "show=data,ellipses"]
    set_field(browser, "latent_dim", "2")
    browser.until("playground.snapshot && playground.snapshot.options.latent_dim === 2")
    assert browser.value("playground.view.dims") == [0, 1]
    choose(browser, "data-choice", "pinwheel")
    assert browser.value("[playground.options.hidden.join(), playground.options.likelihood]") == ["100", "gaussian"]
    assert text_of(browser, "note") == ""


def test_slow_motion_and_steps_are_counted(opened):
    browser = opened()
    browser.until(f"({STEP}) > 0")
    browser.value(
        "(() => { const pace = document.getElementById('pace'); pace.value = pace.options[2].value;"
        "pace.dispatchEvent(new Event('change', { bubbles: true })); })()"
    )
    browser.value("new Promise((resolve) => setTimeout(resolve, 500))")
    first = browser.value(STEP)
    browser.value("new Promise((resolve) => setTimeout(resolve, 2000))")
    assert 0 < browser.value(STEP) - first <= 14, "five steps a second"


def test_what_is_not_finite_pauses_with_a_line(opened):
    browser = opened("lr=0.1&alpha=100&beta=100&scale_link=exp")
    browser.until(f"({STEP}) > 0")
    browser.value("playground.worker.postMessage({ do: 'change', options: { ...playground.options, lr: 1e300 } })")
    browser.until("document.getElementById('note').textContent.includes('is not finite')")
    assert browser.value("document.getElementById('play').textContent") == "Play"
    browser.click("#reset")
    browser.until("document.getElementById('note').textContent === ''")


def test_the_page_of_a_run_goes_on_with_it(opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train = ["train", "--prior", "mixture", "--alpha", "5", "--dtype", "float64", "--no-plots", "--quiet"]
    assert main([*train, "--epochs", "20", "--out", "short"]) == 0
    assert main(["playground", "short", "--no-open"]) == 0
    browser = opened(path=tmp_path / "short/playground.html")
    assert browser.until(STEP) >= 20
    assert browser.value("document.title").startswith("short") and "the run short" in text_of(browser, "lead")
    assert text_of(browser, "status").endswith("Continued from step 20 of short.")
    browser.click("#reset")
    browser.until("document.getElementById('status').textContent.endsWith('Started from seed 0.')")
    browser.click("#save-button")
    assert "goes on with" not in text_of(browser, "save-notes")
    browser.click("#save-close")
    browser.click("#tour-begin")
    browser.click("#tour-leave")
    browser.click("#back-to-run")
    browser.until(f"({STEP}) >= 20 && playground.goesOn")
    assert browser.value("document.getElementById('back-to-run').hidden")
    at_step(browser, 25)
    browser.click("#save-button")
    assert "continues the run short" in text_of(browser, "save-notes")
    browser.click("#save-close")
    page_step = browser.value(STEP)
    assert main([*train, "--epochs", str(page_step), "--out", "same"]) == 0
    vector = browser.value("Array.from(playground.snapshot.model.vector)")
    np.testing.assert_allclose(load_run("same").vae.parameters.vector, vector, rtol=1e-9, atol=1e-9)


def test_other_points_are_trained_on_as_training_runs(opened):
    browser = opened()
    at_step(browser, 20)
    step, vector = browser.value(STEP), browser.value("Array.from(playground.snapshot.model.vector)")
    browser.value("playground.choice.chooseData('ring')")
    browser.until("playground.snapshot && playground.data.name === 'ring'")
    assert browser.value(STEP) == step and browser.value("Array.from(playground.snapshot.model.vector)") == vector
    browser.value("playground.choice.chooseData('hearts')")
    browser.until("playground.snapshot && playground.data.name === 'hearts'")
    assert browser.value(STEP) == 0, "another width needs another model"


def test_a_named_likelihood_stays(opened):
    browser = opened("data=hearts&hidden=16&likelihood=laplace")
    browser.until(f"({STEP}) > 1")
    assert browser.value("playground.snapshot.options.likelihood") == "laplace"
    set_field(browser, "data_seed", "3")
    browser.until("playground.snapshot && playground.snapshot.options.data_seed === 3")
    assert browser.value("playground.snapshot.options.likelihood") == "laplace"
    browser.until("location.hash.includes('likelihood=laplace')")
    browser.value("location.hash = '#alpha=3'")
    browser.until("playground.options.alpha === 3 && playground.snapshot")
    assert browser.value("playground.options.likelihood") == "gaussian"


def test_a_second_link_forgets_the_first_ones_view(opened):
    browser = opened("point=7&arrows=sum&latent_dim=4&dims=3,4")
    browser.until(f"({STEP}) > 0")
    assert browser.value("[playground.view.chosen, playground.view.dims.join()]") == [6, "2,3"]
    browser.value("location.hash = '#latent_dim=4'")
    browser.until("playground.view.chosen === null")
    assert browser.value("[playground.view.dimsChosen, playground.view.arrows.kl]") == [False, True]
