"""Steps that the stages themselves hand to the training loop, to be timed in turn: see `in_turn`."""

import contextlib
import functools
import io
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

from in_turn import Block

from pipeline.config.read import Configuration, values
from pipeline.planning.plan import Plan
from pipeline.timing import steps

CONFIG = Path("config")


class Handed(BaseException):
    """Leaves a stage at its training loop, with what that was given."""

    def __init__(self, given: tuple[Any, ...]) -> None:
        super().__init__("begun")
        self.given = given


def handing_fit(*given: Any) -> NoReturn:
    """Take the place of the training loop: raise what it was given."""
    # all but how the batch is divided
    raise Handed(given[:6])


def step(stage: str, spec: Any, loss_network: Any, stored: Path, *, each: int, warm_up: int = 1) -> Block:
    """Return a block that trains on one thread, whose seconds are those of the cheapest of `each` steps.

    Where a loss has `every`, a step is the mean over so many in a row. The data of a step are drawn once. Loss networks
    with random weights lie in `stored`. Raises UserError as the stage does.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            steps.begin(stage, spec, loss_network, Path(folder), stored, 1, handing_fit)
        except Handed as handed:
            model, recipe, identity, draw, loss, device = handed.given
            given = (model, recipe, identity, [part.copy() for part in draw(0)], loss, device)
        else:
            raise AssertionError(f"pipeline.{stage} never came to its training loop")
    every = spec.loss.arguments.get("every", 1) if stage == "train" else 1
    seconds = functools.partial(steps.intervals, given, each)

    def block() -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            return min(seconds(clock=time.process_time, every=every, warm_up=warm_up))

    return block


def plan(scale: str) -> Plan:
    """Return the plan of all tables of a scale."""
    return Plan(Configuration.read({**values(CONFIG), "scale": scale}, CONFIG))
