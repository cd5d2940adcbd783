"""`every: k`: a term that a loss has in every k-th step alone, k times as heavy there. Imports no torch.

After the lazy regularisation of Karras et al. 2020: over k steps the mean gradient is that of the term in every step.
"""

from numbers import Integral

from lossbench.errors import UserError, quoted


def checked_every(owner: str, every: object) -> int:
    """Return `every`; raises UserError where `owner` asks for what is no whole number >= 1."""
    if isinstance(every, bool) or not isinstance(every, Integral) or every < 1:
        raise UserError(f"{owner}: every = {quoted(every)} is no whole number >= 1; 1 means every step, 4 every fourth")
    return int(every)
