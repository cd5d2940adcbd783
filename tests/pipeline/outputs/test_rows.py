"""Files of rows: names stay text, and missing and infinite values keep their meaning."""

import math
from pathlib import Path

import pandas as pd
import pytest

from lossbench.errors import UserError
from lossbench.files import write_rows
from pipeline.outputs.rows import read_rows
from pipeline.outputs.scores import differences, read_scores, read_values
from pipeline.specs.tabulate import Cell

NAMES = [
    *("NA", "None", "null", "nan", "NaN", "N/A", "#N/A", "1e5", "True", "007", "7", "7.0", "inf", "-1", "", " NA "),
    *("a,b", 'q"q', "p|p", "new\nline", "re\rturn", "r\r\nn", "<b>&amp;", "caf\u00e9", "cafe\u0301", "😀", "A", "a"),
    *("IMG~1", "IMG~2", "IMG~3", "icon", "icon@2x", "'x'", "\\", "#x", "\ufeffx"),
]


def cell(path: Path, loss: str) -> Cell:
    names = {"column": "x4", "task": "x4", "dataset": "d", "test_set": "t", "network": "net", "card": None, "seed": 0}
    return Cell.model_validate({**names, "loss": loss, "scores": str(path)})


def test_names_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [{"image": name, "metric": "psnr", "value": float(place)} for place, name in enumerate(NAMES)]
    write_rows(tmp_path / "scores.csv", ["image", "metric", "value"], rows)
    found = read_rows(tmp_path / "scores.csv")
    assert found["image"].tolist() == NAMES
    assert found["value"].tolist() == list(range(len(NAMES)))


def test_losses_and_networks_have_names_too_and_missing_values_are_missing(tmp_path: Path) -> None:
    columns = ["loss", "network", "value", "published"]
    rows = [("None", "NA", "nan", ""), ("null", "1e5", "inf", "NA"), ("True", "007", "-inf", "0.1")]
    write_rows(tmp_path / "t.csv", columns, [dict(zip(columns, row, strict=True)) for row in rows])
    found = read_rows(tmp_path / "t.csv")
    assert found["loss"].tolist() == ["None", "null", "True"]
    assert found["network"].tolist() == ["NA", "1e5", "007"]
    assert math.isnan(found["value"][0]) and found["value"][1:].tolist() == [math.inf, -math.inf]
    assert found["published"].isna().tolist() == [True, True, False] and found["published"][2] == 0.1


def test_every_picture_is_one_image_of_the_statistics_whatever_it_is_called(tmp_path: Path) -> None:
    for loss, step in (("one", 1.0), ("None", 2.0)):
        rows = [{"image": name, "metric": "psnr", "value": step * place} for place, name in enumerate(NAMES)]
        write_rows(tmp_path / f"{loss}.csv", ["image", "metric", "value"], rows)
    found = read_scores(cell(tmp_path / f"{loss}.csv", loss) for loss in ("one", "None"))
    assert len(found) == 2 * len(NAMES)
    [array] = differences(found, "psnr", "None", "one", ["x4"], ["net"])
    assert sorted(array[0]) == list(range(len(NAMES)))


def test_a_picture_that_is_called_as_a_crop_of_another_one_counts_for_itself(tmp_path: Path) -> None:
    rows = [("x~00", "x", 1.0), ("x~01", "x", 3.0), ("y~00", "y~00", 5.0), ("y", "y", 9.0), ("x~01", "x~01", 7.0)]
    frame = pd.DataFrame(rows, columns=["image", "picture", "value"]).assign(metric="psnr")
    frame.to_csv(tmp_path / "scores.csv", index=False)
    found = read_scores([cell(tmp_path / "scores.csv", "one")])
    assert dict(zip(found["image"], found["value"], strict=True)) == {"x": 2.0, "y~00": 5.0, "y": 9.0, "x~01": 7.0}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("image,metric,value\na,psnr,1\na,psnr,2\n", r"scores 'a' twice"),
        ("image,metric,value\na,psnr,many\n", r"can't be read \(could not convert string to float: 'many'"),
        ("image,value\na,1\n", r"can't be read"),
        ("", r"can't be read"),
    ],
)
def test_scores_that_say_nothing_are_refused(tmp_path: Path, rows: str, message: str) -> None:
    (tmp_path / "scores.csv").write_text(rows)
    with pytest.raises(UserError, match=rf"scores\.csv {message}"):
        read_values(tmp_path / "scores.csv")
