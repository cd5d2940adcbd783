"""WorldView-2 over Longmont with its real PAN, opt-in: the package's licence has to be accepted."""

from lossbench.datasets import Dataset
from lossbench.datasets._worldview import WorldViewScene

DATASET: Dataset = WorldViewScene(
    name="worldview2_samples",
    title="one WorldView-2 scene of dgsamples, blue, green, red, near infrared 1 and PAN, 11 bit",
    stand_in_for="worldview2",
    ms="dgsamples/wv2_longmont_1k/053792616010_01_P001_MUL/14JUN20181517-M2AS-053792616010_01_P001.TIF",
    pan="dgsamples/wv2_longmont_1k/053792616010_01_P001_PAN/14JUN20181517-P2AS-053792616010_01_P001.TIF",
    needs_root=False,
    # the licence allows numbers to be published, and no pictures at full resolution
    pictures=False,
)
