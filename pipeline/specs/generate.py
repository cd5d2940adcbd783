"""What the scores of one generator depend on."""

from pydantic import Field, PositiveInt

from lossbench.records import Strict
from pipeline.specs.evaluate import MetricSpec
from pipeline.specs.train import NetworkSpec, TaskSpec

OF_PICTURES = {"squared_error": "down", "kl": "down"}
"""Metrics that the stage takes of each test picture, and where quality lies: the squared difference of its
reconstruction, summed over pixels and bands, and the divergence of its latent from the prior, in nats."""


class GenerateSpec(Strict):
    """One auto-encoder on one test set, without `network` the mean of the training pictures."""

    task: TaskSpec
    test_set: str
    split: str
    network: NetworkSpec | None
    metrics: tuple[MetricSpec, ...]
    """Those of two sets of pictures."""
    samples: PositiveInt = Field(ge=2)
    """Pictures that are made and compared with as many of the test set, or with all where there are fewer."""
    seed: int
    """Of the latents of what is made."""
    sheets: bool
    """Whether pictures are kept; some licences allow numbers only."""
