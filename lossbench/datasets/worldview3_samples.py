"""WorldView-3 over Longmont with its real PAN, opt-in: the package's licence has to be accepted."""

from lossbench.datasets import Dataset, card
from lossbench.datasets._worldview import WorldViewScene

DATASET: Dataset = WorldViewScene(
    card=card("worldview3_samples"),
    ms="dgsamples/wv3_longmont_1k/055516443010_01_P001_MUL/14OCT06175136-M2AS-055516443010_01_P001.TIF",
    pan="dgsamples/wv3_longmont_1k/055516443010_01_P001_PAN/14OCT06175136-P2AS-055516443010_01_P001.TIF",
)
