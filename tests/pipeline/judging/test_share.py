"""Claims on the share of pictures that a loss wins: counted, with the interval of Clopper and Pearson."""

from typing import Any

import numpy as np
import pytest

from pipeline.judging import share
from pipeline.outputs.scores import Paired
from pipeline.specs.judge import Claim


def claim(won: str = "99/100") -> Claim:
    fields = {"id": "one", "table": "log_cosh/figure10", "better": "log_cosh", "than": "l1", "metric": "ssim"}
    return Claim.model_validate({**fields, "won": won, "source": "figure 10", "text": "it wins"})


def judged(wins: int, losses: int, ties: int = 0, seeds: int = 2, won: str = "99/100", full: bool = True) -> Any:
    values = np.array([0.1] * wins + [-0.1] * losses + [0.0] * ties)
    paired = Paired("urban100", tuple(map(str, range(len(values)))), np.tile(values, (seeds, 1)))
    return share.judged(claim(won), [paired], full)


def test_the_papers_own_count_is_confirmed_in_size() -> None:
    found = judged(99, 1)
    assert found["verdict"] == "confirmed in size"
    assert found["improved"] == 0.99 and found["published_difference"] == pytest.approx(0.49)
    # the interval of 99 of 100 is [0.946, 0.9997]
    assert (found["low"], found["high"]) == pytest.approx((0.4455, 0.49975), abs=1e-3)
    assert found["reason"].startswith("better on 99 of 100 pictures: 0.99 [0.946, 1]; the paper prints 99 of 100")


@pytest.mark.parametrize(
    ("wins", "losses", "full", "verdict"),
    [
        (70, 30, True, "confirmed, smaller"),
        (70, 30, False, "confirmed"),
        (50, 50, False, "undecided"),
        (50, 50, True, "open, below the claim"),
        (20, 80, True, "contradicted"),
        (6, 0, False, "confirmed"),
    ],
)
def test_the_verdicts_are_those_of_the_project(wins: int, losses: int, full: bool, verdict: str) -> None:
    assert judged(wins, losses, full=full)["verdict"] == verdict


def test_one_seed_gives_no_direction_and_a_tie_counts_for_neither() -> None:
    found = judged(98, 2, ties=5, seeds=1)
    assert found["verdict"] == "higher in one run" and found["p_value"] is None
    assert found["n_images"] == 100 and "one seed" in found["reason"]
    assert judged(2, 98, seeds=1)["verdict"] == "lower in one run"
    assert judged(0, 0, ties=4) is None


def test_without_a_printed_share_none_is_compared_with() -> None:
    found = judged(90, 10, won="share")
    assert found["verdict"] == "confirmed" and found["published_difference"] is None
    assert "the paper prints no number" in found["reason"]


def test_a_claim_without_a_share_is_written_as_it_was() -> None:
    assert "won" not in claim("").model_dump() and '"won"' not in claim("").canonical()
    assert claim().model_dump()["won"] == "99/100"
