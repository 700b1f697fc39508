"""Film the playground for README.md: training from the seed, then alpha dragged to 0.

    python docs/images/film_playground.py docs/images/playground.gif

It needs Chromium and Pillow, and uses the installed minidecomp.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from minidecomp.playground import write_playground

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/support"))
from driven import Driven

WIDTH, SHOWN = 1300, 640  # width in pixels of the window and of the film
MATCHING, WITHOUT = range(0, 330, 11), range(330, 800, 40)  # steps that are shown before and after alpha becomes 0
FRAME, LAST = 120, 2000  # milliseconds


def frame(browser: Driven, step: int) -> Image.Image:
    """The planes and dials at a step."""
    now = browser.value("playground.snapshot.step")
    for _ in range(step - now):
        browser.value("playground.send({ do: 'step' })")
    browser.until(f"playground.snapshot.step === {step}")
    browser.value("new Promise((resolve) => setTimeout(resolve, 150))")  # wait until it is drawn
    browser.value("window.scrollTo(0, 0)")
    browser.picture(Path("frame.png"))
    box = browser.value(
        "(({ left, top, right, bottom }) => [left, top, right, bottom])"
        "(document.getElementById('planes').getBoundingClientRect())"
    )
    return Image.open(io.BytesIO(Path("frame.png").read_bytes())).crop([round(edge) for edge in box])


def palette(image: Image.Image) -> Image.Image:
    """The frequent colours of a frame, for the greys of q(z), and the rare ones, for the classes."""
    found = Image.new("P", (1, 1))
    methods = (Image.Quantize.MEDIANCUT, Image.Quantize.MAXCOVERAGE)
    found.putpalette([part for method in methods for part in image.quantize(96, method).getpalette()[: 3 * 96]])
    return found


def film(out: Path) -> None:
    """Write the film."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "playground.html"
        write_playground(page)
        with Driven(page, Path(folder), "", WIDTH, 1000) as browser:
            browser.until("playground.snapshot")
            browser.click("#play")
            browser.click("#reset")
            browser.until("playground.snapshot && playground.snapshot.step === 0")
            frames = [frame(browser, step) for step in MATCHING]
            browser.value("playground.changeSettings({ alpha: 0 })")
            frames += [frame(browser, step) for step in WITHOUT]
    height = round(frames[0].height * SHOWN / frames[0].width)
    small = [each.convert("RGB").resize((SHOWN, height), Image.LANCZOS) for each in frames]
    colours = palette(small[len(MATCHING) - 1])
    first, *others = [each.quantize(palette=colours, dither=Image.Dither.NONE) for each in small]
    times = [FRAME] * len(frames)
    times[len(MATCHING) - 1] = times[-1] = LAST
    first.save(out, save_all=True, append_images=others, duration=times, loop=0, optimize=True)


if __name__ == "__main__":
    film(Path(sys.argv[1]))
