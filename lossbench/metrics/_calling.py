"""A metric is called: whatever its code does, a finite or infinite number comes of it, or one line that names it."""

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from lossbench import plugins
from lossbench.assets import pyiqa_models
from lossbench.errors import UserError, quoted
from lossbench.metrics._given import as_array
from lossbench.metrics._protocol import Pixels
from lossbench.plugins.outside import said

FOLDER = "metrics"


def is_anothers(name: str) -> bool:
    """Return whether the metric `name` is from outside; pyiqa's models are called by code of ours."""
    return not name.startswith(pyiqa_models.PREFIX) and plugins.is_outside(FOLDER, name)


def picture_for(name: str, image: Any) -> Pixels:
    """Return a picture as an array for the metric `name`; one from outside has an array of its own to write into."""
    found = as_array(image)
    return np.array(found) if is_anothers(name) else found


def called(name: str, score: Callable[..., Any], *given: Any, **keywords: Any) -> float:
    """Return the number that `score`, of the metric `name`, gives.

    Raises UserError for what is no number, for NaN, and for what a metric from outside raises.
    """
    try:
        found = score(*given, **keywords)
    except (UserError, MemoryError):
        raise
    # whatever the code of another package raises; what ours does is a fault to be seen whole
    except Exception as error:
        if not is_anothers(name):
            raise
        raise UserError(f"metric '{name}' fails ({said(error)}); mend it, or leave it out") from error
    shape = getattr(found, "shape", ())
    value = found.item() if shape == () and hasattr(found, "item") else found
    if isinstance(value, bool) or not isinstance(value, Real):
        what = f"a {type(found).__name__} of shape {tuple(shape)}" if shape != () else quoted(value)
        raise UserError(f"metric '{name}' gives {what}, no number; have it return one float a call")
    if (number := float(value)) != number:
        raise UserError(f"metric '{name}' gives NaN; look at what it is given, or leave it out")
    return number
