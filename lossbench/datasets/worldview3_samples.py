"""WorldView-3 over Longmont with its real PAN, opt-in: the package's licence has to be accepted."""

from lossbench.datasets import Dataset
from lossbench.datasets._worldview import WorldViewScene

DATASET: Dataset = WorldViewScene(
    name="worldview3_samples",
    title="one WorldView-3 scene of dgsamples, blue, green, red, near infrared 1 and PAN, 11 bit",
    stand_in_for="worldview3",
    ms="dgsamples/wv3_longmont_1k/055516443010_01_P001_MUL/14OCT06175136-M2AS-055516443010_01_P001.TIF",
    pan="dgsamples/wv3_longmont_1k/055516443010_01_P001_PAN/14OCT06175136-P2AS-055516443010_01_P001.TIF",
    needs_root=False,
    # the licence allows numbers to be published, and no pictures at full resolution
    pictures=False,
)
