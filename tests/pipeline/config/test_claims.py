"""Files of claims: rows on every cell, on several metrics and on several pairs of losses, and what can't be meant."""

import csv
import shutil
from pathlib import Path

import pytest
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config import read
from pipeline.planning.plan import Plan
from pipeline.specs.judge import Claim

ROW = {
    **{
        "id": "new",
        "kind": "text",
        "table": "mae_loss/table3",
        "better": "",
        "than": "",
        "pairs": "",
        "metric": "psnr",
    },
    **{"every": "", "against": "", "slight": "", "won": "", "columns": "", "networks": ""},
    **{"source": "section 1", "text": "one is better", "reason": ""},
}
LOSSES = {"better": "kmae", "than": "original"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped configuration in the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config", "config")
    return Path("config")


def claim(folder: Path, scale: str = "ci", **changes: str) -> Claim:
    """Make a row with `changes` the only claim, and return it as planning reads it."""
    row = {**ROW, **changes}
    with (folder / "claims/mae_loss.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*row])
        writer.writeheader()
        writer.writerow(row)
    chosen = {**read.values(folder), "scale": scale, "tables": ["mae_loss/table3"]}
    (found,) = Plan.from_config(chosen, folder).configuration.claims["mae_loss/table3"]
    return found


def test_a_claim_on_every_cell_may_name_several_metrics_and_pairs(folder: Path) -> None:
    found = claim(folder, every="cell", metric="psnr niqe", pairs="kmae>original ctmae>vgg")
    assert (found.every, found.metric, found.measures) == ("cell", "", ("psnr", "niqe"))
    assert found.couples == (("kmae", "original"), ("ctmae", "vgg"))
    one = claim(folder, **LOSSES)
    assert (one.every, one.measures, one.couples) == ("", ("psnr",), (("kmae", "original"),))


def test_a_stand_in_takes_the_place_of_each_metric_that_it_stands_for(folder: Path) -> None:
    file = folder / "scale/ci.yaml"
    head = "\nmetrics:\n"
    text = file.read_text(encoding="utf-8")
    assert head in text
    added = "  niqe: {name: other_niqe, file: niqe, stand_in: another NIQE}\n"
    file.write_text(text.replace(head, head + added), encoding="utf-8")
    assert claim(folder, every="cell", metric="psnr niqe", **LOSSES).metrics == ("psnr", "other_niqe")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({**LOSSES, "every": "row"}, "every: 'row' is neither 'cell' nor empty"),
        ({**LOSSES, "metric": "psnr niqe"}, "'psnr niqe' are several, which have no mean; name one, or write 'cell'"),
        ({**LOSSES, "metric": "psnr psnr", "every": "cell"}, "metric: 'psnr' is named twice; keep one"),
        ({**LOSSES, "metric": "psnr nique", "every": "cell"}, "no metric 'nique'; did you mean 'niqe'?"),
        ({**LOSSES, "metric": "", "every": "cell"}, "metric: there is no metric ''"),
        ({**LOSSES, "every": "cell", "slight": "yes"}, "slight: what is said of every cell is a direction; empty it"),
        ({**LOSSES, "every": "cell", "against": "niqe"}, "against: what is said of every cell is a direction"),
        ({**LOSSES, "within": "0.1", "slight": "yes"}, "slight: what is said of a margin is no direction; empty it"),
        ({**LOSSES, "within": "0.1", "every": "cell"}, "every: what is said of a margin is no direction; empty it"),
        ({**LOSSES, "within": "a bit"}, "new: within: "),
        ({**LOSSES, "within": "0"}, "'0' is no margin; write one above 0, such as 0.1 or 0.5 in every run"),
        ({**LOSSES, "pairs": "kmae>vgg"}, "pairs: 'better' and 'than' name losses as well; empty them, or the pairs"),
        ({"pairs": "kmae"}, "pairs: 'kmae' is no pair of losses; write the better one first: ctmae>original"),
        ({"pairs": "kmae>"}, "pairs: 'kmae>' is no pair of losses"),
        ({"pairs": "kmae>vgg>original"}, "pairs: there is no loss 'vgg>original'"),
        ({"pairs": "kmae>vgg kmae>vgg"}, "pairs: 'kmae>vgg' is named twice; keep one"),
        ({"pairs": "kmea>vgg"}, "pairs: there is no loss 'kmea'; did you mean 'kmae'?"),
        ({"pairs": "kmae>vgg vgg>vgg"}, "'vgg' is said to be better than itself; name two losses"),
        ({"pairs": ""}, "better: there is no loss ''"),
        ({**LOSSES, "won": "99 of 100"}, "won: '99 of 100' is no number of pictures out of all; write it as 99/100"),
        ({**LOSSES, "won": "101/100"}, "won: '101/100' is no number of pictures out of all"),
        ({**LOSSES, "won": "0/0"}, "won: '0/0' is no number of pictures out of all"),
        ({**LOSSES, "won": "share", "slight": "yes"}, "slight: a share of pictures compares two losses by one metric"),
        ({"pairs": "kmae>vgg", "won": "share"}, "pairs: a share of pictures compares two losses by one metric; empty"),
        ({**LOSSES, "metric": "fid", "won": "share"}, "metric: 'fid' has one number for all pictures, and no share"),
        ({"kind": "untestable", "reason": "r", "metric": "", "won": "share"}, "won: 'new' is untestable, which"),
        ({"kind": "untestable", "reason": "r", "metric": "", "every": "cell"}, "every: 'new' is untestable, which"),
        ({"kind": "untestable", "reason": "r", "metric": "", "pairs": "a>b"}, "pairs: 'new' is untestable, which"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_planning(changes: dict[str, str], message: str, folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        claim(folder, **changes)
    assert message in str(caught.value) and "claims/mae_loss.csv, line 2" in str(caught.value)
