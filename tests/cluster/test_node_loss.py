"""A node that goes down while a training runs there."""

import shutil
import time
from pathlib import Path

from _cluster import CI, MARKS, SLOWLY, changed, name_the_cluster, submit
from _repository import copied, keep_tables, snakemake
from _slurm import Cluster

pytestmark = MARKS
RUN = "train/super_resolution_x2/photographs/edsr/original/0"
MODEL = f"results/ci/{RUN}/model.safetensors"
SECONDS = 240


def test_a_training_whose_node_is_lost_goes_on_from_its_checkpoint_to_the_same_weights(tmp_path: Path) -> None:
    folder = copied(tmp_path / "made")
    keep_tables(folder, "mae_loss/table3")
    loop = folder / "pipeline/learning/loop.py"
    text = loop.read_text(encoding="utf-8")
    loop.write_text(text.replace("            data = draw(state.step)\n", SLOWLY), encoding="utf-8")
    changed(folder / "config/config.yaml", checkpoint_minutes=1e-9)
    code, printed = snakemake(folder, *CI, MODEL)
    assert code == 0, printed
    alone = (folder / MODEL).read_bytes()
    shutil.rmtree(folder / "results/ci" / RUN)
    name_the_cluster(folder, "gpu", 1)
    with Cluster(tmp_path / "slurm") as cluster:
        process = submit(folder, cluster, MODEL, slow=4)
        try:
            end = time.monotonic() + SECONDS
            while not (folder / f"results/ci/{RUN}/last.ckpt").exists():
                assert time.monotonic() < end and process.poll() is None, (folder / "printed.txt").read_text()
                time.sleep(0.1)
            cluster.lose_node()
            code = process.wait(SECONDS)
        finally:
            process.kill()
    printed = (folder / "printed.txt").read_text(encoding="utf-8")
    # the same job of Slurm's, put back into its queue: Snakemake has tried nothing again
    assert code == 0 and printed.count("has been submitted with SLURM jobid") == 1, printed
    assert "resumes at step" in (folder / f"results/ci/logs/{RUN}.log").read_text(encoding="utf-8")
    assert (folder / MODEL).read_bytes() == alone
