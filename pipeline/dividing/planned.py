"""Which batches can be divided as a scale asks, known before anything runs. Imports no torch."""

from lossbench import plugins
from lossbench.errors import UserError
from pipeline.specs.recipe import Recipe


def processes(gpus: int, own: int | None) -> int:
    """Return how many processes a training is, one a GPU: of the `gpus` of a scale those that are its `own`."""
    return own or max(1, gpus)


def check_division(
    file: str, place: str, plugin: tuple[str, str], recipe: Recipe, gpus: int, own: int | None, accumulate: int
) -> None:
    """Raise UserError where the batch of `recipe` can't be divided over GPUs and `accumulate` parts in each.

    `file` is that of the scale, which has `gpus`, `place` the entry in it of a network with GPUs of its `own`, and
    `plugin` shelf and file of that.
    """
    if own is not None and own > max(1, gpus):
        raise UserError(f"{file}: {place}.gpus: {own} are more than the scale has; give {max(1, gpus)}, or gpus there")
    count = processes(gpus, own)
    if recipe.batch % (count * accumulate):
        asked = [f"gpus: {count}"] if count > 1 else []
        asked += [f"{place}.accumulate: {accumulate}"] if accumulate > 1 else []
        raise UserError(
            f"{file}: {place}.recipe.batch: {recipe.batch} can't be divided by {' times '.join(asked)}; set "
            f"{place}.gpus and {place}.accumulate to numbers whose product divides it, such as 1 and 1"
        )
    if accumulate > 1 and plugins.constant(*plugin, "NORMALISES_BATCH", False):
        raise UserError(
            f"{file}: {place}.accumulate: {accumulate}, but '{plugin[1]}' has batch normalisation, whose statistics "
            "are those of a whole batch; set 1, and gpus to more for memory"
        )
