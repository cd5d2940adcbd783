"""Every word that is printed with a table: what stands in for what, and the settings that it rests on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lossbench import plugins
from lossbench.assets import pyiqa_models
from lossbench.losses import split
from lossbench.precision import PRECISIONS
from lossbench.tasks import of_clips
from lossbench.tasks._answers import WORDS
from pipeline.clips.planning import protocol_words
from pipeline.config import scale
from pipeline.config.read import Configuration
from pipeline.config.starts import Start, start_of
from pipeline.config.table import Column, Metric, Table
from pipeline.planning.parts import recipe
from pipeline.planning.runs import steps_file, trained
from pipeline.specs.classifier import AttackSpec, RobustnessSpec
from pipeline.specs.distance import DistanceAttackSpec
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import TaskSpec

UNEQUAL = "; clipping acts in more steps under losses of larger gradients"
"""Of recipes that clip where losses are compared."""
BOUND = "each loss, summed over pixels and bands, plus the divergence of the latent, weight 1"
"""What an auto-encoder is trained with."""


def packaged(folder: str, name: str) -> list[str]:
    """Return whose the plugin `name` is, with version and licence, where it is from outside; nothing for ours."""
    return [f"{name} is of {plugins.package(folder, name)}"] if plugins.is_outside(folder, name) else []


def protocol(name: str, metric: Metric, task: TaskSpec | None = None, samples: int | None = None) -> str:
    """Return in words how the metric `name` is taken, of clips where the `task` is one of clips.

    `samples` is how many made pictures a metric of two sets compares.
    """
    crop = metric.crop
    shave = "/".join(f"{pixels} ({column})" for column, pixels in crop.items()) if isinstance(crop, dict) else str(crop)
    rounding = "rounded to 8 bit" if metric.rounding else "not rounded"
    file = metric.file or name
    if task and of_clips(task.name):
        over = protocol_words(metric, task)
    elif samples is not None and plugins.constant("metrics", file, "OVER") == "set":
        over = _two_sets(samples, plugins.constant("metrics", file, "FEATURES", None))
    else:
        over = iter(["mean over pictures"])
    return ", ".join([metric.colour, f"border of {shave} px left out", rounding, *over])


def _two_sets(samples: int, features: int | None) -> Iterator[str]:
    yield f"one number of {samples} made pictures and as many test pictures, or all where there are fewer"
    if features is not None and samples <= features:
        yield f"of {features} features, so that covariances lack full rank: compare it with numbers of as many alone"


@dataclass
class _Foundation:
    """What a table rests on, each with what it starts from."""

    configuration: Configuration
    networks: dict[str, scale.LossNetwork] = field(default_factory=dict)
    classifiers: dict[str, scale.Classifier] = field(default_factory=dict)

    def add(self, network: str | None, classifier: str | None) -> None:
        if network is not None and network not in self.networks:
            entry = self.networks[network] = self.configuration.loss_network(network)
            self.add(None, entry.classifier)
            if judged := entry.judgements:
                for other in (judged.trunk, judged.initial, judged.released):
                    self.add(other, None)
        if classifier is not None and classifier not in self.classifiers:
            chosen = self.classifiers[classifier] = self.configuration.classifier(classifier)
            self.add(chosen.trunk, chosen.classifier)


def _foundation(configuration: Configuration, table: Table) -> _Foundation:
    found = _Foundation(configuration)
    for metric in table.metrics.values():
        found.add(metric.loss_network, metric.classifier)
    for loss in (loss for loss in table.losses if loss not in table.answers):
        if table.compares == "classifiers":
            for network in table.networks:
                found.add(None, f"{loss}_{network}")
        else:
            found.add(configuration.loss(loss).loss_network, None)
    return found


def stand_ins(configuration: Configuration, table: Table) -> Iterator[str]:
    """Give what stands at this scale for published data, weights and metrics of `table`, a line each."""
    columns = [column for whole in table.columns.values() for column in whole.by_test_set()]
    found = _foundation(configuration, table)
    used = {name for column in columns for name in (column.dataset, column.test_set.dataset)}
    used |= {str(entry.dataset) for entry in found.networks.values()}
    used |= {entry.dataset for entry in found.classifiers.values()}
    by_stand_in: dict[str, list[str]] = {}
    for name in sorted(used):
        if ours := configuration.scale.stand_in(name):
            by_stand_in.setdefault(ours, []).append(name)
    yield from (f"data set {name} stands in for {', '.join(published)}" for name, published in by_stand_in.items())
    for name, entry in sorted(found.networks.items()):
        if entry.stand_in:
            yield f"loss network {name} ({entry.network}) stands in for {entry.stand_in}"
    for name, classifier in found.classifiers.items():
        if classifier.stand_in:
            yield f"classifier {name} ({classifier.architecture}) stands in for {classifier.stand_in}"
    for metric, other in configuration.scale.metrics.items():
        if other and other.name in table.metrics:
            yield f"metric {other.name} stands in for {metric}: {other.stand_in}"


def settings(configuration: Configuration, table: Table) -> Iterator[str]:
    """Give the size, recipe and source of all that `table` rests on at this scale, a line each."""
    found = _foundation(configuration, table)
    yield from (_classifier(name, entry) for name, entry in found.classifiers.items())
    if table.compares == "classifiers":
        return
    tasks = {column.task for column in table.columns.values()}
    for name in _with_initial(configuration, table.networks):
        network = configuration.network(name)
        size = _listed(network.arguments) or "published size"
        size += _special(network.arguments_per_task, tasks)
        made = f"{_recipe(network.recipe)}{_special(network.per_task, tasks)}"
        clips = [network.recipe.clip, *(special.get("clip") for special in network.per_task.values())]
        made += UNEQUAL if any(clips) else ""
        made += f"; built on {network.initial}" if network.initial else ""
        made += _starts(configuration, name, tasks)
        file = configuration.network_file(name)
        trained = plugins.constant("networks", file, "OWN_LOSS") if network.own_loss else table.pixel
        if table.compares == "generators":
            trained = BOUND
        whose = "".join(f"; {text}" for text in packaged("networks", file))
        label = name if file == name else f"{name} ({file})"
        yield f"{label}: {size}; {made}; pixel term: {trained}; source: {network.source}{whose}"
    for name in table.losses:
        if name in table.answers:
            answer = table.answers[name]
            of = f"the pictures of {' and '.join(answer.of)}, " if answer.of else ""
            yield f"{name}: no training; {of}{WORDS[answer.make]}"
        else:
            yield from _loss(configuration, name, table.pixel, tasks)
            yield from _longer(configuration, table, name)
    for name, metric in table.metrics.items():
        if metric.loss_network:
            entry = configuration.loss_network(metric.loss_network)
            yield f"metric {name} rests on {entry.network}, {_origin(entry)}; source: {entry.source}"
    sets = {one for whole in table.columns.values() for each in whole.by_test_set() for one in _sets(each)}
    for name in sorted({configuration.dataset(one) for one in sets - {*configuration.scale.absent}}):
        yield from (f"data set {text}" for text in packaged("datasets", name))


def _sets(column: Column) -> tuple[str, str]:
    return column.dataset, column.test_set.dataset


def _starts(configuration: Configuration, network: str, tasks: set[str]) -> str:
    """Say what the trainings of `network` begin from where that is no random weights, for those `tasks` that differ."""
    words = {task: _start(configuration, start_of(configuration, network, task)) for task in sorted(tasks)}
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return "".join(f"; for {task}{text.removeprefix(';')}" for task, text in words.items() if text)


def _start(configuration: Configuration, start: Start | None) -> str:
    if start is None:
        return ""
    if start.file is not None:
        return f"; trainings begin from {start.file} ({configuration.digest_of(start.file)[:19]})"
    return f"; trainings begin from the run under {start.loss} of the same seed, whose steps come on top of theirs"


def _with_initial(configuration: Configuration, networks: Iterable[str]) -> list[str]:
    """Return `networks`, each after the one that it is built on."""
    found: list[str] = []
    for name in networks:
        chain = [name]
        while (base := configuration.network(chain[0]).initial) is not None:
            chain.insert(0, base)
        found += [each for each in chain if each not in found]
    return found


def _loss(configuration: Configuration, name: str, pixel: str, tasks: set[str]) -> Iterator[str]:
    loss = configuration.loss(name)
    taken = f"{_listed(loss.arguments) or 'defaults'}{_special(loss.per_task, tasks)} ({loss.source})"
    if model := pyiqa_models.named(loss.loss or name):
        yield f"{name}: {pixel} + {model.source}; {taken}"
        return
    file = split(loss.loss or name)[0]
    # a distance of the pixels alone is on top of none
    on_top = {"pixel", "weight"} <= set(plugins.build_arguments("losses", file)) and "pixel" not in loss.arguments
    own = f"{pixel} + " if on_top else ""
    if loss.loss_network:
        entry = configuration.loss_network(loss.loss_network)
        drawn = plugins.constant("losses", file, "ARCHITECTURE_OF", ())
        made = "weights drawn at random" if drawn else _origin(entry)
        pretrained = entry.recipe and not entry.judgements
        made += ", anew for every seed" if (drawn or pretrained) and len(configuration.scale.seeds) > 1 else ""
        size = _listed(entry.architecture) or "published size"
        precision = PRECISIONS[loss.arguments.get("precision", "exact")]
        what = f"loss network in {precision}; it is {entry.network}, {size}, {made}"
        yield f"{name}: {own}{taken}; {what}; source: {entry.source}"
    elif loss.again_of:
        yield f"{name}: {loss.source}"
    elif whose := packaged("losses", file):
        yield f"{name}: {own}{file}, {taken}; {whose[0]}"
    elif loss.arguments or own:
        yield f"{name}: {own}{taken}"


def _longer(configuration: Configuration, table: Table, name: str) -> Iterator[str]:
    """Say how many steps a loss takes whose runs are longer than the recipes, and why."""
    loss = configuration.loss(name)
    if loss.steps_factor is not None:
        why = f"{loss.steps_factor:g} times the steps, as its steps_factor states"
    elif loss.as_long_as:
        paid = ", its loss network's training included" if loss.pays_pretraining else ""
        why = f"as many more steps as cost what the run of {loss.as_long_as} costs{paid}"
        why += f", by the costs in config/{steps_file(configuration).name}"
    else:
        return
    counts = []
    places = (
        (label, column, network) for label, column in table.columns.items() for network in column.of(table.networks)
    )
    for label, column, network in places:
        spec: Any = trained(configuration, table, column, network, name, configuration.scale.seeds[0]).spec
        counts.append(f"{network} {label} {spec.recipe.steps} for {recipe(configuration, network, column.task).steps}")
    yield f"{name}: {loss.loss or name} with {why}: {', '.join(counts)}"


def _origin(entry: scale.LossNetwork) -> str:
    if entry.classifier:
        return f"trunk of the classifier {entry.classifier}"
    if entry.recipe is None:
        return "imported weights"
    judged = entry.judgements
    attack = f"under {_attack(judged.attack)}" if judged and judged.attack else "on clean pictures"
    return f"heads trained on judgements {attack}, {_recipe(entry.recipe)}" if judged else _recipe(entry.recipe)


def _classifier(name: str, entry: scale.Classifier) -> str:
    trained = _recipe(entry.recipe) if entry.recipe else "imported weights"
    attack = entry.attack
    against = f"against {_attack(attack)}, pairing {attack.pairing:g}" if attack else "on clean pictures"
    start = f"from {entry.trunk or entry.classifier or 'random weights'}"
    start += ", trunk frozen" if entry.frozen_trunk else ""
    how = f"{start}, {against}" if entry.recipe else "as its authors trained it"
    tested = f"{entry.evaluation.each} crops a class, {_attack(entry.evaluation)}"
    size = f"{entry.architecture}, {entry.classes} classes, {entry.side} px"
    return f"{name}: {size}; {how}; {trained}; tested on {tested}; source: {entry.source}"


def _attack(attack: AttackSpec | RobustnessSpec | DistanceAttackSpec) -> str:
    step = attack.step or 2 * attack.radius / attack.steps
    return f"PGD-{attack.steps} of L2 radius {attack.radius:g}, step {step:.3g}"


def _recipe(recipe: Recipe) -> str:
    return (
        f"{recipe.steps} steps, batch {recipe.batch}, patch {recipe.patch}"
        f"{f' of {recipe.frames} frames' if recipe.frames else ''}, {recipe.optimizer}, "
        f"learning rate {recipe.learning_rate:g}, schedule {recipe.schedule.name}"
        f"{f', gradients clipped at {recipe.clip:g}' if recipe.clip else ''}"
        f"{_orthogonal(recipe)}"
    )


def _orthogonal(recipe: Recipe) -> str:
    chosen = recipe.orthogonal
    return f", kernels made orthogonal every {chosen.each} steps until {chosen.until:.0%} of them" if chosen else ""


def _special(per_task: dict[str, dict[str, object]], tasks: set[str]) -> str:
    """Return what differs for those of `tasks` that have something of their own."""
    return "".join(f"; for {task}: {_listed(values)}" for task, values in sorted(per_task.items()) if task in tasks)


def _listed(values: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(values.items()))
