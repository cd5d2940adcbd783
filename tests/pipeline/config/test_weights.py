"""Public files of weights in a scale: by their names in the package's table, or with all that there is to know."""

import pytest
from _config import Mistakes, PlanOf, place, refused
from _plans import planned

from lossbench.weights import released
from pipeline.config.scale import LossNetwork
from pipeline.specs.pretrain import PretrainSpec

SCALE = "config/scale/ci.yaml"
MISTAKES: Mistakes = {
    "unknown file": (
        place("scale.loss_networks.vgg.weights", "vgg18"),
        f"{SCALE}: loss_networks.vgg.weights: no public file of weights 'vgg18'; did you mean 'vgg1",
    ),
    "unknown file of a classifier": (
        place("scale.classifiers.standard_vgg19.weights", "vgg18"),
        f"{SCALE}: classifiers.standard_vgg19.weights: no public file of weights 'vgg18'",
    ),
    "what is neither a name nor a file": (
        place("scale.loss_networks.vgg.weights", 19),
        f"{SCALE}: loss_networks.vgg.weights: a mapping of entries is expected (got 19)",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_no_file_is_called_is_named_with_its_place(plan_of: PlanOf, mistake: str) -> None:
    refused(plan_of, MISTAKES[mistake])


@pytest.mark.parametrize("name", released.table())
def test_a_name_stands_for_all_that_the_table_knows(name: str) -> None:
    known = released.public(name)
    found = LossNetwork.parse({"network": "mae", "weights": name, "source": "here"}, "test").weights
    assert found is not None
    told = (found.file, found.digest, found.licence, found.where, found.bytes)
    assert told == (known.file, known.digest, known.licence, known.url, known.size)


def test_a_job_depends_on_the_file_and_its_digest_alone() -> None:
    spec = planned("paper").job("import_weights", ("mae_public",)).spec
    assert isinstance(spec, PretrainSpec) and spec.weights is not None
    assert spec.weights.model_dump() == {"file": "mae_pretrain_vit_base.pth", "digest": "md5:8cad7c"}
