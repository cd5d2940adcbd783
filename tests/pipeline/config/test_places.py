"""A user's own scales, tables and claims lie below config/mine, and are found by name as the project's are."""

import shutil
from pathlib import Path

import pytest
import yaml
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config import places, read
from pipeline.config.read import Configuration
from pipeline.planning.plan import Plan

CLAIM = "id,kind,table,better,than,metric,columns,networks,source,text,reason"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped configuration, with a scale, a table and a claim of a user in it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config", "config", ignore=shutil.ignore_patterns(places.MINE))
    config = Path("config")
    own = config / places.MINE
    for section in ("scale", "tables/own", "claims/own"):
        (own / section).mkdir(parents=True)
    (own / "scale/tiny.yaml").write_text("extends: ci\ntitle: tiny\nseeds: [7]\n")
    table = yaml.safe_load((config / "tables/beyond/pixel_losses.yaml").read_text(encoding="utf-8"))
    (own / "tables/own/first.yaml").write_text(yaml.safe_dump(table))
    row = "better,ours,own/first,l1,l2,psnr,,,this test,l1 is better than l2,"
    (own / "claims/own/first.csv").write_text(f"{CLAIM}\n{row}\n")
    return config


def configured(folder: Path, **changes: object) -> Configuration:
    return Configuration.read({**read.values(folder), "scale": "tiny", "tables": ["own/first"], **changes}, folder)


def test_own_files_are_found_by_name_and_named_where_they_lie(folder: Path) -> None:
    found = configured(folder)
    assert (found.scale.title, found.scale.seeds, found.root) == ("tiny", (7,), "results/tiny")
    assert found.scale_file == "config/mine/scale/tiny.yaml (extends ci)"
    assert found.table_files == {"own/first": "config/mine/tables/own/first.yaml"}
    [claim] = found.claims["own/first"]
    assert (claim.id, claim.better, claim.table) == ("better", "l1", "own/first")
    assert "own_first" in Plan(found).tables()
    assert "own_first" in {table["name"] for table in read.tables(folder)}


def test_what_is_wrong_in_an_own_file_is_named_with_it(folder: Path) -> None:
    table = folder / "mine/tables/own/first.yaml"
    table.write_text(table.read_text().replace("reference_loss: l1", "reference_loss: l3"))
    with pytest.raises(UserError, match=r"^config/mine/tables/own/first\.yaml: reference_loss: 'l3' is not defined"):
        configured(folder)


def test_a_claim_of_an_own_table_is_refused_with_its_line(folder: Path) -> None:
    claims = folder / "mine/claims/own/first.csv"
    claims.write_text(claims.read_text().replace("psnr", "psnrr"))
    with pytest.raises(UserError, match=r"mine/claims/own/first\.csv, line 2: metric: .*did you mean 'psnr'"):
        configured(folder)


def test_two_files_of_one_name_are_both_named(folder: Path) -> None:
    shutil.copy(folder / "scale/ci.yaml", folder / "mine/scale/ci.yaml")
    with pytest.raises(UserError, match=r"scale 'ci' is both config/scale/ci\.yaml and config/mine/scale/ci\.yaml"):
        configured(folder, scale="ci")


def test_an_unknown_scale_is_told_the_nearest_of_both_places(folder: Path) -> None:
    with pytest.raises(UserError, match=r"unknown scale 'tinny'.*did you mean 'tiny'"):
        configured(folder, scale="tinny")


def test_a_data_set_may_lie_elsewhere_than_in_the_data_root(folder: Path) -> None:
    scale = folder / "mine/scale/tiny.yaml"
    scale.write_text(scale.read_text() + "data_folders: {folder: /far/away}\n")
    found = configured(folder)
    assert found.data_root("folder") == "/far/away"
    assert found.data_root("set5") == "data/set5"
    scale.write_text(scale.read_text().replace("folder: /far", "foldr: /far"))
    with pytest.raises(UserError, match=r"tiny\.yaml .*data_folders: unknown dataset 'foldr'.*did you mean 'folder'"):
        configured(folder)


def test_a_table_is_not_called_as_the_wide_form_of_another(folder: Path) -> None:
    shutil.move(folder / "mine/tables/own/first.yaml", folder / "mine/tables/own/first_wide.yaml")
    with pytest.raises(UserError, match=r"own/first_wide\.yaml: a table's name can't end in _wide"):
        configured(folder, tables=["own/first_wide"])


def test_a_scale_may_have_tables_of_its_own_which_a_command_line_replaces(folder: Path) -> None:
    with (folder / "mine/scale/tiny.yaml").open("a") as file:
        file.write("tables: [own/first, beyond/every]\n")
    values = {**read.values(folder), "scale": "tiny"}
    assert [*Configuration.read(values, folder).tables] == ["own/first", "beyond/every"]
    asked = {**values, "tables": ["mae_loss/table3"]}
    assert [*Configuration.read(asked, folder, given=["tables"]).tables] == ["mae_loss/table3"]


@pytest.mark.parametrize(
    ("folders", "found"), [((), "set5"), (("Set5",), "Set5"), (("Set5", "set5"), "set5"), (("Set14",), "set5")]
)
def test_folders_of_data_may_be_called_as_their_authors_write_them(
    tmp_path: Path, folders: tuple[str, ...], found: str
) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    assert places.data_folder(tmp_path, "set5") == tmp_path / found
    assert places.data_folder(tmp_path / "none", "set5") == tmp_path / "none/set5"
