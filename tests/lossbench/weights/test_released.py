"""The table of public files: what it says of each can be true, and a name finds its entry."""

import re
from pathlib import PurePosixPath

import pytest

from lossbench import loss_networks, plugins
from lossbench.assets import embedded
from lossbench.assets.weight_files import DIGEST
from lossbench.errors import UserError
from lossbench.loss_networks import dists, lpips
from lossbench.weights import released
from lossbench.weights.released import PublicFile, PublicNetwork

FILES = released.table().values()
NETWORKS = [(file, network) for file in FILES for network in file.loss_networks]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_says_where_it_is_what_it_is_and_whose(file: PublicFile) -> None:
    assert re.fullmatch(r"https://[\w./-]+\.pth", file.url)
    assert re.fullmatch(DIGEST, file.digest) and file.source and file.licence
    assert file.non_commercial == ("NC" in file.licence)
    # torchvision and pytorch-fid end names in the digits that they check
    digits = PurePosixPath(file.file).stem.rpartition("-")[2]
    assert file.digest == f"sha256:{digits}" or file.digest.startswith("md5:")
    assert file.bytes is None or file.about_bytes is None


@pytest.mark.parametrize(("file", "network"), NETWORKS, ids=[network.name for _, network in NETWORKS])
def test_what_a_file_becomes_can_be_built_and_imported(file: PublicFile, network: PublicNetwork) -> None:
    assert isinstance(loss_networks.plugin(network.kind), loss_networks.ImportingPlugin)
    plugins.check_build_arguments("loss_networks", network.kind, network.architecture)
    assert network.also is None or network.also in embedded.catalogue()
    for plugin, expected in ((lpips, getattr(lpips, "RELEASED", {})), (dists, {None: dists.RELEASED})):
        if network.kind == plugin.__name__.rpartition(".")[2]:
            parts = expected[network.architecture.get("net")]
            assert (parts.trunk, parts.shipped) == (file.file, network.also)


def test_no_two_loss_networks_have_one_name() -> None:
    names = [network.name for _, network in NETWORKS]
    assert len(set(names)) == len(names)


def test_the_sizes_that_are_estimated_are_those_of_the_weights() -> None:
    assert released.public("mae_st_large").about_bytes == 4 * 317_731_584


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kmae", "mae_base"),
        ("mae", "mae_base"),
        ("mae_large", "mae_large"),
        ("vgg", "vgg19"),
        ("perceptual", "vgg19"),
        ("vgg16", "vgg16"),
        ("vgg16-397923af.pth", "vgg16"),
        ("lpips", "lpips"),
        ("alexnet", "lpips_alex"),
        ("kmae_video", "mae_st_large"),
        ("fid", "inception"),
    ],
)
def test_a_loss_a_loss_network_a_metric_or_a_file_names_an_entry(name: str, expected: str) -> None:
    assert released.named(name)[1].name == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("kmea", "no public weights 'kmea'; did you mean 'kmae'"),
        ("psnr", "no public weights 'psnr'"),
        ("original", "loss 'original' needs no loss network"),
        ("ctmae", "loss 'ctmae' is that of a loss network trained on the task's own pictures, of which none is public"),
        ("ctmae_video", "of which none is public"),
        ("cnn_mae", "no public file of the loss network cnn_mae is known with its digest; train one"),
        ("videomae", "no public file of the loss network videomae .* lossbench import_weights FILE --as videomae"),
        ("r_lpips", "no public file of a loss network robust_lpips is known"),
    ],
)
def test_what_is_not_public_is_said_with_what_to_do(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        released.named(name)


def test_each_loss_of_a_masked_autoencoder_says_what_it_was_trained_on() -> None:
    says = {name: plugins.constant("losses", name, "TRAINED_ON", None) for name in plugins.names("losses")}
    public = {name for name, words in says.items() if words == "other"}
    own = {name for name, words in says.items() if words == "task"}
    assert public == {"kmae", "kmae_video"}
    assert own == {"ctmae", "p_ctmae", "ccmae", "p_ccmae", "ctmae_video"}
    of_autoencoders = {
        name
        for name in says
        if (kinds := plugins.constant("losses", name, "LOSS_NETWORKS")) and any("mae" in kind for kind in kinds)
    }
    assert of_autoencoders == public | own
