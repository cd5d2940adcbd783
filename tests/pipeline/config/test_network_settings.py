"""One network under several settings in a table: entries of other names than their file's."""

from typing import Any

import pytest
from _config import PlanOf, both, place, refused
from _plans import train_spec

from lossbench.errors import UserError
from pipeline.specs.tabulate import TabulateSpec

WIDE = {"network": "edsr", "arguments": {"channels": 8}}
KEY = ("super_resolution_x2", "photographs")


def wide(entry: dict[str, Any] = WIDE) -> Any:
    return both(place("scale.networks.edsr_wide", entry), place("table.networks", ["edsr", "edsr_wide"]))


def test_an_entry_has_what_it_leaves_out_from_the_entry_of_its_file(plan_of: PlanOf) -> None:
    plan = plan_of(wide())
    ours, theirs = (train_spec(plan, *KEY, network, "original", "0") for network in ("edsr_wide", "edsr"))
    assert ours.network.name == theirs.network.name == "edsr"
    assert ours.network.arguments == {**theirs.network.arguments, "channels": 8}
    assert ours.recipe == theirs.recipe
    job = plan.job("train", (*KEY, "edsr_wide", "original", "0"))
    assert "lossbench.networks.edsr" in job.modules
    assert job.writes("card").path == "results/ci/train/super_resolution_x2/photographs/edsr_wide/original/0/card.json"
    table = plan.job("tabulate", ("mae_loss", "table3")).spec
    assert isinstance(table, TabulateSpec) and table.networks == ("edsr", "edsr_wide")
    assert {cell.network for cell in table.cells} == {"edsr", "edsr_wide", "trivial"}
    [said] = [line for line in table.settings if line.startswith("edsr_wide")]
    assert said.startswith("edsr_wide (edsr): blocks 1, channels 8; 6 steps")
    # its entry changes nothing of the other's runs
    assert plan_of(place("table.networks", ["edsr"])).jobs["train"].keys() <= plan.jobs["train"].keys()


def test_its_scorings_build_the_network_of_its_file(plan_of: PlanOf) -> None:
    job = plan_of(wide()).job("evaluate", (*KEY, "edsr_wide", "original", "0", "photographs"))
    spec: Any = job.spec
    assert (spec.network.name, spec.network.arguments["channels"]) == ("edsr", 8)
    assert "lossbench.networks.edsr" in job.modules


def test_a_whole_entry_needs_no_other(plan_of: PlanOf) -> None:
    def only(contents: dict[str, Any]) -> None:
        networks = contents["scale"]["networks"]
        networks["edsr_wide"] = {**networks.pop("edsr"), "network": "edsr"}
        contents["table"]["networks"] = ["edsr_wide"]

    assert {key[2] for key in plan_of(only).jobs["train"]} == {"edsr_wide"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**WIDE, "network": "edsrr"}, "networks.edsr_wide.network: unknown network 'edsrr' (no lossbench/networks/"),
        ({**WIDE, "arguments": {"chanels": 8}}, "networks.edsr_wide.arguments: "),
        ({**WIDE, "recipe": {"patch": 1}}, "networks.edsr_wide.recipe.patch: 1 px"),
        ({**WIDE, "initial": "rfdn"}, "networks.edsr_wide.initial: 'edsr_wide' is built on rfdn here; leave"),
    ],
)
def test_what_is_wrong_is_named_by_the_entry(entry: dict[str, Any], message: str, plan_of: PlanOf) -> None:
    refused(plan_of, (wide(entry), f"config/scale/ci.yaml: {message}"))


@pytest.mark.parametrize("name", ["a/b", "trivial", "-a", ""])
def test_a_name_is_that_of_a_folder(name: str, plan_of: PlanOf) -> None:
    def named(contents: dict[str, Any]) -> None:
        contents["scale"]["networks"][name] = WIDE

    with pytest.raises(UserError, match="can't be a network's name"):
        plan_of(named)
