"""What the verdicts on one table depend on."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, SerializerFunctionWrapHandler, field_validator, model_serializer

from lossbench.records import Strict
from pipeline.specs.tabulate import Place, TabulateSpec

Kind = Literal["text", "table", "trivial", "ours", "untestable", "again"]
"""What a claim is: a sentence of the paper, a printed pair of numbers turned into a direction, what holds by the very
definition of metric or loss, a question of this project, a sentence that no training can decide, and the reference loss
against itself (an A/A test, which planning adds)."""


IN_EVERY_RUN = " in every run"
OPTIONAL = ("won", "within")
"""Fields of a claim that few have."""


class Claim(Strict):
    """One claim of a paper, taken from its text and not from our results: a row of config/claims/<paper>.csv.

    One of the kind `untestable` names no losses and no metric, but its `reason`.
    """

    id: str
    kind: Kind = "text"
    table: str
    """The table that shows it, as `paper/table`."""
    better: str = ""
    """The loss that is said to be better."""
    than: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    """Of a claim on several pairs of losses each with the better one first; `better` and `than` are then empty."""
    metric: str = ""
    metrics: tuple[str, ...] = ()
    """Of a claim on several metrics all of them; `metric` is then empty."""
    every: Literal["", "cell"] = ""
    """`cell` where it is a statement on every column, network, metric and pair of losses; else it is on their mean."""
    against: str = ""
    """A second metric whose difference is subtracted: the claim is then that the first one's is larger."""
    slight: bool = False
    """Whether it says that `better` falls behind `than`, but by little: by less than twice what the paper prints."""
    columns: tuple[str, ...] = ()
    """Columns of the table that it speaks of; none are all."""
    networks: tuple[str, ...] = ()
    """Networks that it speaks of; none are all."""
    won: str = ""
    """Of a claim on the share of pictures on which `better` is better than `than`: the printed `99/100`, or `share`
    where the paper prints none."""
    within: Annotated[str, Field(pattern=r"^(|[0-9]+(\.[0-9]+)?( in every run)?)$")] = ""
    """Of a claim of this project that both losses differ by less than a margin in the metric's unit, that margin: `0.1`
    of the mean, or `0.5 in every run`, of which none of `better` falls below that of `than` by more."""
    source: str
    """Section of the paper."""
    text: str
    reason: str = ""
    """Why it can't be tested."""

    @model_serializer(mode="wrap")
    def _without_what_few_have(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        return {name: value for name, value in values.items() if name not in OPTIONAL or value}

    @field_validator("within")
    @classmethod
    def _above_zero(cls, within: str) -> str:
        if within and not float(within.removesuffix(IN_EVERY_RUN)) > 0:
            raise ValueError(f"'{within}' is no margin; write one above 0, such as 0.1 or 0.5{IN_EVERY_RUN}")
        return within

    @property
    def couples(self) -> tuple[tuple[str, str], ...]:
        """The pairs of losses that it compares, the better one first."""
        return self.pairs or ((self.better, self.than),)

    @property
    def measures(self) -> tuple[str, ...]:
        """The metrics that it speaks of."""
        return self.metrics or (self.metric,)


class MissingCell(Place):
    """A run or an answer whose scores are not there."""

    seed: int
    file: str
    why: str


class JudgeSpec(Strict):
    """The claims on one table."""

    table: TabulateSpec
    claims: tuple[Claim, ...]
    full_scale: bool
    """Whether data, networks and recipes are the paper's, so that its numbers can be compared with ours."""
    published_runs: PositiveInt
    """Trainings behind each published number."""
    missing: tuple[MissingCell, ...] = ()
    """Cells that are not in `table`, since their runs failed."""
