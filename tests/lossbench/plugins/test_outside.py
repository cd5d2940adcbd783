"""Plugins from outside: found by entry points or by `package.module:Name`, by reading alone."""

import subprocess
import sys
from pathlib import Path

import pytest
from _outside import FILES, forget, installed, offering, written

from lossbench import plugins
from lossbench.errors import Notice, UserError
from lossbench.plugins import outside, packages

PLUGINS = {
    "losses": ("edges", "fringe.losses:EdgeLoss"),
    "networks": ("shuffled", "fringe.networks:Shuffled"),
    "metrics": ("mean_error", "fringe.metrics:MeanError"),
    "datasets": ("waves", "fringe.datasets:Waves"),
}


@pytest.mark.parametrize("shelf", PLUGINS)
def test_a_plugin_is_found_by_its_entry_point_and_by_where_it_is(fringe: Path, shelf: str) -> None:
    offered, written = PLUGINS[shelf]
    assert plugins.offered(shelf) == [(offered, "fringe 0.3")]
    assert [*plugins.names(shelf), offered] == plugins.known(shelf)
    for name in (offered, written):
        assert plugins.check(shelf, name) == name and plugins.is_outside(shelf, name)
        assert plugins.module(shelf, name) == written
        assert plugins.load(shelf, name).__name__ == written.partition(":")[2]
    assert plugins.package(shelf, offered) == "fringe 0.3, MIT"
    # it lies beside no installed library, and is read as the user's own
    assert plugins.package(shelf, written) == str(fringe / f"fringe/{shelf}.py")


def test_nothing_is_imported_to_find_one_and_to_read_what_it_takes(fringe: Path) -> None:
    script = (
        "import sys; from lossbench import plugins\n"
        f"for shelf, names in {PLUGINS!r}.items():\n"
        "    for name in names: plugins.build_arguments(shelf, name), plugins.constant(shelf, name, 'SOURCE', None)\n"
        "from lossbench import datasets, losses; datasets.card('waves'), losses.listing()\n"
        "sys.exit(' '.join({'torch', 'numpy', 'fringe'} & {*sys.modules}) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": f"{Path.cwd()}:{fringe}"}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_miss_names_the_nearest_of_what_packages_offer_too(fringe: Path) -> None:
    with pytest.raises(UserError, match=r"unknown loss 'edgse' .*did you mean 'edges'\? known: .*dists, edges, "):
        plugins.check("losses", "edgse")
    with pytest.raises(UserError, match=r"metrics\.py defines no 'MeanErorr', .*; did you mean 'MeanError'\?"):
        plugins.check("metrics", "fringe.metrics:MeanErorr")
    with pytest.raises(UserError, match=r"loss 'fring\.losses:EdgeLoss': no source of the module 'fring\.losses'"):
        plugins.check("losses", "fring.losses:EdgeLoss")


@pytest.mark.parametrize(
    "name", ["fringe.losses:", ":EdgeLoss", "fringe/losses:EdgeLoss", "a b:C", "fringe:1", "a:b:c"]
)
def test_a_name_of_another_form_is_refused(fringe: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"not of the form 'package\.module:Name'"):
        plugins.check("losses", name)


@pytest.mark.parametrize("shelf", ["tasks", "loss_networks", "classifiers"])
def test_shelves_that_take_none_from_outside_say_what_they_have(fringe: Path, shelf: str) -> None:
    with pytest.raises(UserError, match=r"unknown .*'fringe\.losses:EdgeLoss'.* known: "):
        plugins.check(shelf, "fringe.losses:EdgeLoss")


def test_a_name_that_two_packages_offer_is_refused_with_both(fringe: Path) -> None:
    written(fringe, offering("other", losses="edges = fringe.losses:half_edges"), pictures=False)
    forget()
    message = (
        "loss 'edges' is offered by fringe 0.3 and other 1.0; "
        "write the one that is meant: fringe.losses:EdgeLoss or fringe.losses:half_edges"
    )
    with pytest.raises(UserError, match=f"^{message}$"):
        plugins.check("losses", "edges")
    assert plugins.offered("losses") == [
        ("fringe.losses:EdgeLoss", "fringe 0.3"),
        ("fringe.losses:half_edges", "other 1.0"),
    ]


def test_a_name_of_ours_stays_ours_and_the_other_is_told_of_once(fringe: Path) -> None:
    written(fringe, offering("other", metrics="psnr = fringe.metrics:MeanError"), pictures=False)
    forget()
    with pytest.warns(Notice, match=r"metric 'psnr' is lossbench's own; another is of other 1.0") as told:
        for _ in range(3):
            assert plugins.module("metrics", "psnr") == "lossbench.metrics.psnr"
    assert len(told) == 1 and "('fringe.metrics:MeanError'), to be named so" in str(told[0].message)
    assert ("fringe.metrics:MeanError", "other 1.0") in plugins.offered("metrics")


def test_a_package_that_lies_twice_on_the_path_offers_once(
    fringe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "again")
    monkeypatch.syspath_prepend(str(tmp_path / "again"))
    forget()
    assert plugins.module("losses", "edges") == "fringe.losses:EdgeLoss"


def test_a_name_that_can_stand_in_no_path_is_given_by_its_place(fringe: Path) -> None:
    written(fringe, offering("other", losses="half; rm -r = fringe.losses:half_edges"), pictures=False)
    forget()
    assert ("fringe.losses:half_edges", "other 1.0") in plugins.offered("losses")
    with pytest.raises(UserError, match=r"can't stand in a path; write fringe\.losses:half_edges"):
        plugins.check("losses", "half; rm -r")


def test_what_is_broken_spoils_no_listing(fringe: Path) -> None:
    written(fringe, offering("other", losses="gone = fringe.gone:Loss"), pictures=False)
    forget()
    rows = plugins.offered_rows("losses", lambda name: {"source": plugins.source("losses", name)})
    assert rows[0] == {"name": "edges", "source": "Mean difference of neighbouring pixels", "package": "fringe 0.3"}
    assert rows[1]["name"] == "gone" and "no source of the module 'fringe.gone'" in rows[1]["fault"]


def test_an_import_that_fails_is_one_line_with_its_cause(fringe: Path) -> None:
    (fringe / "fringe/losses.py").write_text("import absent_library\nclass EdgeLoss: ...\n", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        plugins.load("losses", "edges")
    assert str(raised.value) == (
        "loss 'edges': importing fringe.losses failed (ModuleNotFoundError: No module named 'absent_library'); mend it"
    )
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)


def test_a_module_may_be_the_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        **offering("mine", losses="whole = mine.whole"),
        "mine/__init__.py": "",
        "mine/whole.py": "SOURCE = 'mine'\nLOSS_NETWORKS = ()\nfrom mine._built import build\n",
        "mine/_built.py": "def build(pixel: str = 'l1', *, steepness: float = 1.0): ...\n",
    }
    installed(written(tmp_path, files, pictures=False), monkeypatch)
    for name in ("whole", "mine:whole"):
        assert plugins.build_arguments("losses", name) == ["pixel", "steepness"]
        assert plugins.constant("losses", name, "SOURCE") == plugins.source("losses", name) == "mine"
        assert plugins.module("losses", name) == "mine.whole"
    forget()


def test_the_package_of_an_installed_library_is_told_with_its_licence() -> None:
    assert plugins.package("losses", "piq:SSIMLoss").startswith("piq 0.") and "Apache" in packages.described("piq")
    assert outside.place("losses", "piq:SSIMLoss").written == "piq:SSIMLoss"


def test_the_fixture_is_what_pip_leaves() -> None:
    assert {"METADATA", "entry_points.txt"} == {Path(name).name for name in FILES if "dist-info" in name}
