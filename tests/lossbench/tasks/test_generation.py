"""Generation: how pictures are brought to one size."""

import numpy as np
import pytest

from lossbench.errors import UserError
from lossbench.tasks import generation

DIGITS, FACES = {"side": 32, "bands": 1}, {"side": 64, "bands": 3, "crop": 148}


def test_a_digit_is_padded_evenly_with_black() -> None:
    found = generation.reference(np.full((28, 28, 1), 9, np.uint8), DIGITS)
    assert found.shape == (32, 32, 1)
    assert (found[2:30, 2:30] == 9).all() and found.sum() == 9 * 28 * 28


def test_a_face_is_cut_in_the_middle_and_resized() -> None:
    face = np.zeros((218, 178, 3), np.uint8)
    face[35:183, 15:163] = 200
    found = generation.reference(face, FACES)
    assert found.shape == (64, 64, 3) and (found == 200).all()
    assert generation.reference(np.full((25, 25, 3), 7, np.uint8), FACES).shape == (64, 64, 3)


def test_an_autoencoder_is_given_what_it_is_to_give_back() -> None:
    digit = generation.reference(np.ones((28, 28, 1), np.uint8), DIGITS)
    assert generation.degrade(digit, DIGITS, np.random.default_rng(0)) is digit
    with pytest.raises(UserError, match="the mean of the training pictures"):
        generation.trivial(digit, DIGITS)


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(UserError, match="bands: 1, but a picture has 3"):
        generation.reference(np.ones((28, 28, 3), np.uint8), DIGITS)
    with pytest.raises(UserError, match="side: 32, but a picture has 40 x 40 px; name a crop"):
        generation.reference(np.ones((40, 40, 1), np.uint8), DIGITS)
    with pytest.raises(UserError, match="unknown key 'sides'; did you mean 'side'"):
        generation.scale({"sides": 32, "bands": 1})
