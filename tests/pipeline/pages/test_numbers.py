"""A row of the report: ours, its interval and mark, the paper's number, and what kind of row it is."""

import math
import re
from pathlib import Path

import pandas as pd
from _pages import made, words
from _report_inputs import WARNING, results


def test_a_row_shows_ours_the_interval_its_mark_and_the_paper(page: str) -> None:
    row = next(part for part in page.split("<tr") if 'data-value="edsr vgg"' in part)
    psnr = "29.00 −1.00 † worse [−1.40, −0.60] 34.10 note 1 −0.30"
    niqe = "4.000 −2.000 † better [−2.400, −1.600] 4.900 +0.700"
    assert words("<tr" + row) == f"edsr vgg {psnr} {niqe}"
    assert 'class="difference worse significant"' in row and 'class="difference better significant"' in row
    assert page.count(f">Published number: {WARNING}</li>") == 2


def test_reference_control_and_untrained_rows_say_what_they_are(page: str) -> None:
    marks = dict(re.findall(r'<span class="loss">(\w+)</span>(?: <span class="mark">(\w+)</span>)?', page))
    assert marks == {
        "bicubic": "untrained", "original": "reference", "vgg": "", "ctmae": "", "random_tmae": "control"
    }  # fmt: skip


def test_a_server_only_column_says_so(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path, columns=("x2", "dnd"), server_only={"dnd": "no public ground truth"})
    page = made([verdict])
    assert page.count('title="server only: no public ground truth">server only') == 2 * 5


def test_an_infinite_number_is_printed_and_is_no_gap(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    file = verdict.parents[2] / "tables/mae_loss/table3.csv"
    long = pd.read_csv(file)
    perfect = (long["loss"] == "vgg") & (long["metric"] == "psnr")
    long.loc[perfect, ["value", "difference"]] = math.inf
    said = "1 picture has no finite difference"
    long.assign(trivial=math.inf, left_out=[said if chosen else None for chosen in perfect]).to_csv(file, index=False)
    page = made([verdict])
    row = next(part for part in page.split("<tr") if 'data-value="edsr vgg"' in part)
    assert "edsr vgg ∞ +∞ † [−1.40, −0.60] 34.10" in words("<tr" + row)
    assert "missing" not in row and f"psnr of edsr vgg x2: {said}" in words(page)
    trivial = next(part for part in page.split("<tr") if 'data-value=" bicubic"' in part)
    assert words("<tr" + trivial).startswith("bicubic untrained ∞")
