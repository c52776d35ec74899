"""Each architecture against what its paper says of layers and sizes."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from torch import nn

from genrelab_plugins.models._blocks import BatchNorm
from genrelab_plugins.models._musicnn import Filters
from genrelab_plugins.models._pooling import pooling
from genrelab_plugins.models._residual import SqueezeExcitation


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def build(name, shape, classes=3, **params):
    plugin = import_module(f"genrelab_plugins.models.{name}")
    return plugin.build(plugin.Params(**params), shape, classes)


def count(name, shape, classes, **params):
    with torch.device("meta"):
        return sum(p.numel() for p in build(name, shape, classes, **params).parameters())


def outputs(model, kind, shape):
    """Return the shapes that come out of the modules of a kind, in order, for one clip."""
    found = []
    for module in model.modules():
        if isinstance(module, kind):
            module.register_forward_hook(lambda _, x, y: found.append(tuple(y.shape[1:])))
    with torch.inference_mode():
        model.eval()(torch.rand(1, *shape))
    return found


def test_crnn_has_the_maps_of_the_paper():
    shape = (96, 1366)  # (frames, bins) of the maps; the poolings are 2, 3, 4 and 4
    maps = outputs(build("crnn", shape), nn.MaxPool2d, shape)
    assert maps == [(64, 683, 48), (128, 228, 16), (128, 57, 4), (128, 15, 1)]


@pytest.mark.parametrize(("channels", "hidden_dim", "millions"), [(30, 30, 0.1), (169, 169, 3.0)])
def test_crnn_has_the_size_of_the_paper(channels, hidden_dim, millions):
    found = count("crnn", (96, 1366), 50, channels=channels, hidden_dim=hidden_dim)
    assert found / 1e6 == pytest.approx(millions, rel=0.04)


@pytest.mark.parametrize("frames", [2, 3, 33, 87])
def test_crnn_leaves_something_to_recur_in_short_clips(frames):
    shape = (64, frames)
    assert outputs(build("crnn", shape), nn.MaxPool2d, shape)[-1][1] > 1


def test_sample_cnn_has_the_layers_of_the_paper():
    shape = (1, 3**10)
    model = build("sample_cnn", shape, 50)
    maps = [(128, 6561), (128, 2187), (256, 729), (256, 243), (256, 81), (256, 27), (256, 9), (256, 3), (512, 1)]
    assert outputs(model, nn.MaxPool1d, shape) == maps
    first, *_, last = (m for m in model.modules() if isinstance(m, nn.Conv1d))
    assert (first.kernel_size, first.stride, last.kernel_size) == ((3,), (3,), (1,))
    assert count("sample_cnn", shape, 50) / 1e6 == pytest.approx(1.9, abs=0.05)


def test_short_chunk_cnn_halves_the_chunk_seven_times():
    shape = (128, 231)  # 3.69 s
    model = build("short_chunk_cnn", shape, 50, channels=4)
    blocks = outputs(model, import_module("genrelab_plugins.models._residual").ResidualBlock, shape)
    assert [channels for channels, *_ in blocks] == [4, 4, 8, 8, 8, 8, 16]
    assert [size[1:] for size in blocks[::6]] == [(64, 116), (1, 2)]
    assert model.embed(torch.rand(1, *shape)).shape == (1, 16)


def test_musicnn_has_the_layers_of_the_authors_code():
    model = build("musicnn", (96, 187), 50)
    found = [m.weight.shape for m in model.modules() if isinstance(m, nn.Conv1d)]
    assert found[:5] == [(204, 38, 7), (204, 67, 7), (51, 1, 128), (51, 1, 64), (51, 1, 32)]
    assert found[5:] == [(64, 561, 7), (64, 64, 7), (64, 64, 7)]
    assert model.embed(torch.rand(2, 96, 187)).shape == (2, 1506)
    assert count("musicnn", (96, 187), 50) == 787_159


@pytest.mark.parametrize(("bins", "frames"), [(5, 7), (1, 8), (9, 1)])
def test_musicnn_filters_are_a_convolution_over_both_axes(bins, frames):
    filters = Filters(6, bins, frames)
    _, convolution, _, norm = filters.layers
    x = torch.rand(3, 9, 20)
    padded = nn.functional.pad(x[:, None], ((frames - 1) // 2, frames // 2))
    plain = norm(nn.functional.conv2d(padded, convolution.weight[:, None], convolution.bias).relu())
    torch.testing.assert_close(filters(x), plain.amax(2))


@pytest.mark.parametrize(
    ("layers", "squeeze", "published"),
    [(18, False, 11_689_512), (34, False, 21_797_672), (18, True, 11_778_592)],
)
def test_resnet_has_the_published_size(layers, squeeze, published):
    two_more_channels_in = 2 * 64 * 7 * 7
    found = count("resnet", (128, 256), 1000, channels=64, layers=layers, squeeze=squeeze)
    assert found + two_more_channels_in == published


def test_efficientnet_has_the_published_size():
    two_more_channels_in = 2 * 32 * 3 * 3
    found = count("efficientnet", (128, 256), 1000, width=1.0, depth=1.0)
    assert found + two_more_channels_in == 5_288_548


def test_ast_has_the_patches_and_the_size_of_the_paper():
    with torch.device("meta"):
        model = build("ast", (128, 1024), 527, heads=12, layers=12)
    assert model.body[0].positions.shape == (1, 768, 12, 101)
    # The blocks of ViT-B are published with 85.05 M; then patches, token, positions, two normalisations, output.
    rest = (256 + 1) * 768 + 768 + 1212 * 768 + 4 * 768 + (768 + 1) * 527
    assert sum(p.numel() for p in model.parameters()) == 85_054_464 + rest


def test_ast_sees_where_a_patch_is():
    model = build("ast", (16, 60), dropout=0.0).eval()
    x = torch.rand(1, 16, 60)
    swapped = torch.cat([x[..., 40:], x[..., 20:40], x[..., :20]], 2)
    assert (model(swapped) - model(x)).abs().max() > 1e-4
    with torch.no_grad():
        model.body[0].positions.zero_()  # patches of 16 that start at 0, 10, ... 40 and 44 frames
    tokens = model.body[0](x)[:, 1:]
    torch.testing.assert_close(model.body[0](swapped)[:, 1], tokens[:, 4])


def test_ast_interpolates_its_positions_for_other_lengths():
    model = build("ast", (32, 60)).eval()
    for frames in (16, 59, 200):
        assert torch.isfinite(model(torch.rand(1, 32, frames))).all()


def test_conformer_has_the_size_of_the_paper():
    model = build("conformer", (80, 200), layers=16)
    blocks = list(model.body[3].layers)
    assert len(blocks) == 16
    assert (blocks[0].self_attn.embed_dim, blocks[0].self_attn.num_heads) == (144, 4)


@pytest.mark.parametrize("name", ["cnn2d", "crnn", "resnet"])
def test_pooling_before_an_activation_changes_nothing(name):
    shape = (32, 48)
    model = build(name, shape).eval()
    x = torch.randn(2, *shape)
    expected = model(x)
    swapped = 0
    for layers in [m for m in model.modules() if isinstance(m, nn.Sequential)]:
        for i in range(len(layers) - 1):
            if isinstance(layers[i], nn.MaxPool2d) and isinstance(layers[i + 1], nn.ReLU | nn.ELU):
                layers[i], layers[i + 1] = layers[i + 1], layers[i]
                swapped += 1
    assert swapped
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize("size", [(4,), (4, 7), (4, 5, 3)])
def test_batch_norm_is_torchs(size):
    ours, theirs = BatchNorm(4), [nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d][len(size) - 1](4)
    for _ in range(3):
        x = torch.randn(6, *size) * 5 + 2
        torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_batch_norm_of_a_single_value_uses_what_it_knows():
    norm = BatchNorm(4)
    norm(torch.randn(50, 4) * 5 + 2)
    x = torch.randn(1, 4, 1, 1)
    alone = norm(x)
    torch.testing.assert_close(alone, norm.eval()(x))
    assert alone.std() > 0


def test_attention_pools_frames_by_their_weight():
    attention, values = pooling("attention", 8)
    assert values == 8
    same = torch.rand(3, 1, 8).expand(-1, 5, -1)
    torch.testing.assert_close(attention(same), same[:, 0])
    frames = torch.rand(3, 5, 8)
    with torch.no_grad():
        attention.score[2].weight.zero_()
        torch.testing.assert_close(attention(frames), frames.mean(1))
        attention.score[0].weight[0].copy_(torch.eye(8)[0])  # the first value decides
        attention.score[2].weight[0, 0] = 1e4
    most = frames[..., 0].argmax(1)
    torch.testing.assert_close(attention(frames), frames[torch.arange(3), most], atol=0.05, rtol=0.05)


def test_squeeze_excitation_weights_each_channel_by_a_share():
    module = SqueezeExcitation(6, 4, nn.ReLU())
    x = torch.rand(2, 6, 3, 4) + 0.1
    share = module(x) / x
    assert ((share > 0) & (share < 1)).all()
    torch.testing.assert_close(share, share[:, :, :1, :1].expand_as(share))
