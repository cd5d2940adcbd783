"""WorldView-2 over Longmont with its real PAN, opt-in: the package's licence has to be accepted."""

from lossbench.datasets import Dataset, card
from lossbench.datasets._worldview import WorldViewScene

DATASET: Dataset = WorldViewScene(
    card=card("worldview2_samples"),
    ms="dgsamples/wv2_longmont_1k/053792616010_01_P001_MUL/14JUN20181517-M2AS-053792616010_01_P001.TIF",
    pan="dgsamples/wv2_longmont_1k/053792616010_01_P001_PAN/14JUN20181517-P2AS-053792616010_01_P001.TIF",
)
