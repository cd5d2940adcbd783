"""Which batches can be divided as a scale asks, known before anything runs. Imports no torch."""

from lossbench import plugins
from lossbench.errors import UserError
from pipeline.specs.recipe import Recipe


def processes(gpus: int, own: int | None) -> int:
    """Return how many processes a training is, one a GPU: of the `gpus` of a scale those that are its `own`."""
    return max(1, min(gpus, own or gpus))


def check_division(
    file: str, place: str, plugin: tuple[str, str], recipe: Recipe, processes: int, accumulate: int
) -> None:
    """Raise UserError where the batch of `recipe` can't be divided over `processes` and `accumulate` parts in each.

    `file` is that of the scale, `place` the entry in it of a network, and `plugin` shelf and file of that.
    """
    if recipe.batch % (processes * accumulate):
        asked = [f"gpus: {processes}"] if processes > 1 else []
        asked += [f"{place}.accumulate: {accumulate}"] if accumulate > 1 else []
        raise UserError(
            f"{file}: {' and '.join(asked)} do not divide {place}.recipe.batch: {recipe.batch}; set {place}.gpus and "
            f"{place}.accumulate so that their product does, such as 1 and 1"
        )
    if accumulate > 1 and plugins.constant(*plugin, "NORMALISES_BATCH", False):
        raise UserError(
            f"{file}: {place}.accumulate: {accumulate}, but '{plugin[1]}' has batch normalisation, whose statistics "
            "are those of a whole batch; set 1, and gpus to more for memory"
        )
