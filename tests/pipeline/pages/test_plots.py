"""Plots and costs of the report: every loss is in all of them."""

import re

from _pages import words


def test_every_loss_is_in_the_plane_the_curves_and_the_cost(page: str) -> None:
    plots = re.findall(r'<title id="[^"]*">([^<]*)', page)
    # two tables: a plane of ours and of the paper, two curves; and one loss network
    assert page.count('<svg role="img"') == len(plots) == 2 * 4 + 1
    planes = [plot for plot in plots if "PSNR and NIQE" in plot]
    assert len(planes) == 4
    assert "original 30, 6; vgg 29, 4; ctmae 30.5, 5; random_tmae 29.9, 6.1" in planes[0]
    assert "original 34.4, 4.2; vgg 34.1, 4.9; ctmae 34.5, 4" in planes[1]
    text = words(page)
    assert "edsr x2 vgg 20.0 40 500.0 2.00 × 0.50 mae_task: 61 s" in text
    assert "0.50 weights drawn at random" in text
    assert "Not readable here: GPU memory, GiB; energy, Wh" in text
