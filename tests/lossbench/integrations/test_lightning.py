"""`logged_loss` in Lightning's own Trainer."""

from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader

import lossbench
from lossbench.integrations.lightning import logged_loss


class Restoration(lightning.LightningModule):
    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self.network, self.loss = nn.Conv2d(3, 3, 1), lossbench.create_loss("ccmae", **arguments)
        self.steps: list[int] = []
        self.due: list[bool] = []

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        self.steps.append(self.global_step)
        before = len(self.due)
        total = logged_loss(self, self.loss, self.network(batch), batch, prog_bar=False)
        assert len(self.due) == before + 1
        return total

    def log_dict(self, dictionary: Any, *arguments: Any, **options: Any) -> None:
        self.due.append("loss/ccmae" in dictionary)
        super().log_dict(dictionary, *arguments, **options)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


def trained(folder: Path, module: Restoration, batches: int, **options: Any) -> lightning.Trainer:
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=CSVLogger(folder),
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        default_root_dir=folder,
        **options,
    )
    pictures = torch.rand((2 * batches, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    trainer.fit(module, DataLoader(pictures, batch_size=2))  # type: ignore[arg-type]
    return trainer


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_it_trains_logs_and_stores_no_loss_network(tmp_path: Path, loss_network: Path) -> None:
    module = Restoration(weights=loss_network)
    trainer = trained(tmp_path, module, batches=4)
    logged = (tmp_path / "lightning_logs/version_0/metrics.csv").read_text(encoding="utf-8")
    assert {"loss/pixel", "loss/ccmae", "loss/total"} <= set(logged.splitlines()[0].split(","))
    checkpoint = torch.load(trainer.checkpoint_callback.best_model_path, weights_only=True)  # type: ignore[union-attr]
    assert {name.split(".")[0] for name in checkpoint["state_dict"]} == {"network"}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_accumulated_batches_of_a_step_have_its_number(tmp_path: Path, loss_network: Path) -> None:
    module = Restoration(weights=loss_network, every=2)
    trained(tmp_path, module, batches=8, accumulate_grad_batches=2)
    assert module.steps == [0, 0, 1, 1, 2, 2, 3, 3]
    assert module.due == [True, True, False, False, True, True, False, False]


class Recorder:
    """A module as far as `logged_loss` looks at it."""

    global_step = 3

    def log_dict(self, dictionary: Any, **options: Any) -> None:
        self.logged, self.options = dictionary, options


def test_the_sum_is_that_of_the_loss_and_a_given_step_counts(loss_network: Path) -> None:
    prediction, target = torch.rand((2, 1, 3, 16, 16), generator=torch.Generator().manual_seed(1))
    loss, module = lossbench.create_loss("ccmae", weights=loss_network, every=2, weight=0.5), Recorder()
    total = logged_loss(module, loss, prediction.requires_grad_(), target, step=2, prefix="train/", sync_dist=True)
    assert total.item() == loss(prediction, target, step=2).item() and total.requires_grad
    assert list(module.logged) == ["train/pixel", "train/ccmae", "train/total"] and module.options == {
        "sync_dist": True
    }
    assert not any(value.requires_grad for value in module.logged.values())
    logged_loss(module, loss, prediction, target)
    assert list(module.logged) == ["loss/pixel", "loss/total"]
