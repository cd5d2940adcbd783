"""The parts of a training run's spec, out of the configuration: network, recipe, loss."""

from __future__ import annotations

from pipeline import plugins
from pipeline.configuration import Configuration
from pipeline.errors import UserError
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import LossSpec, NetworkSpec, TaskSpec


def network_spec(configuration: Configuration, name: str, task: TaskSpec) -> NetworkSpec:
    """Return the network `name` at this scale for `task`; raises UserError for an argument that it does not take."""
    own = configuration.network(name).arguments
    known = plugins.build_arguments("networks", name)
    # what the task fixes (scale, bands) reaches every network that asks for it
    arguments = {**{key: value for key, value in task.settings.items() if key in known}, **own}
    plugins.check_build_arguments("networks", name, arguments)
    return NetworkSpec(name=name, arguments=arguments)


def recipe(configuration: Configuration, network: str, task: str) -> Recipe:
    """Return the recipe of `network` with what differs for the named task; raises UserError for an unknown entry."""
    chosen = configuration.network(network)
    values = {**chosen.recipe.model_dump(), **chosen.per_task.get(task, {})}
    return Recipe.parse(values, f"{configuration.scale_file}: networks.{network}.per_task.{task}")


def loss_spec(configuration: Configuration, name: str, pixel: str) -> LossSpec:
    """Return the loss `name` on top of the pixel loss `pixel`.

    Raises UserError for an argument that it does not take and for a loss network that it can't use.
    """
    chosen = configuration.loss(name)
    # losses that bring their own pixel term, such as E + P, take no other
    own = {"pixel": pixel} if "pixel" in plugins.build_arguments("losses", name) else {}
    arguments = {**own, **chosen.arguments}
    plugins.check_build_arguments("losses", name, arguments)
    kinds = plugins.constant("losses", name, "LOSS_NETWORKS")
    kind = None
    if chosen.loss_network:
        kind = plugins.check("loss_networks", configuration.loss_network(chosen.loss_network).network)
    if kind not in (kinds or (None,)):
        given = f"{chosen.loss_network} is of kind '{kind}'" if kind else "none is given"
        allowed = " or ".join(kinds) or "none"
        raise UserError(f"{configuration.scale_file}: losses.{name}.loss_network: {given}; '{name}' takes {allowed}")
    return LossSpec(name=name, arguments=arguments, loss_network=kind)
