"""Drawn figures on the page: embedded, with links to their files, and named where they are not there."""

import base64
import io
import re
from pathlib import Path

import numpy as np
from _pages import Outline, made, words
from _report_inputs import results
from PIL import Image

from lossbench.images import write_png


def drawn(verdict: Path, folder: str = "figures", width: int = 90) -> Path:
    """Write the figure of table 3 in all its formats; return the picture."""
    picture = verdict.parents[2] / folder / "mae_loss/table3.png"
    write_png(picture, np.tile(np.linspace(0, 255, width).astype(np.uint8)[None, :, None], (60, 1, 3)))
    for ending in (".svg", ".csv"):
        picture.with_suffix(ending).write_text("text", encoding="utf-8")
    return picture


def test_a_figure_is_embedded_and_its_files_are_linked(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    page = made([verdict], figures=[drawn(verdict)])
    Outline(page)
    figure = page[page.index('<figure class="drawn">') :]
    (source,) = re.findall(r'src="data:image/webp;base64,([^"]*)"', figure[: figure.index("</figure>")])
    with Image.open(io.BytesIO(base64.b64decode(source))) as picture:
        assert picture.size == (90, 60)
        shades = np.asarray(picture.convert("L"), dtype=float).mean(axis=0)
    assert np.abs(shades - np.linspace(0, 255, 90)).max() < 8
    links = re.findall(r'<a href="([^"]*)">', figure[: figure.index("</figure>")])
    assert links == [f"../figures/mae_loss/table3.{kind}" for kind in ("png", "svg", "csv")]


def test_bars_are_shown_too_and_large_figures_are_reduced(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    page = made([verdict], figures=[drawn(verdict, "charts", 4000)])
    assert page.count('<figure class="drawn">') == 1
    assert 'width="2000" height="30"' in page and 'href="../charts/mae_loss/table3.png"' in page


def test_what_was_not_drawn_for_the_page_is_not_on_it(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    drawn(verdict)
    assert '<figure class="drawn">' not in made([verdict])


def test_a_figure_that_is_not_there_is_named(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    picture = drawn(verdict)
    picture.unlink()
    page = made([verdict], figures=[picture])
    assert '<figure class="drawn">' not in page
    assert f"mae_loss/table3 figure the file does not exist {picture}" in words(page.split('id="missing"')[1])
