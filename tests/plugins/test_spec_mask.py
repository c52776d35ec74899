"""spec_mask: what is masked, how often, and what is left alone."""

import random

import pytest
import torch

from genrelab_plugins.augmentations import spec_mask
from genrelab_plugins.augmentations._spec_mask import fill_by_choice, fill_by_place, inside


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def build(**params):
    [component] = spec_mask.provide_augmentations()
    assert component.name == "spec_mask"
    return component.build(component.params(**params))


def clips(batch=8, bins=40, frames=60):
    return torch.rand(batch, bins, frames) + 0.5


def test_eval_is_the_identity():
    x = clips()
    assert torch.equal(build().eval()(x), x)


def test_the_input_is_untouched_and_the_seed_decides():
    x = clips()
    before = x.clone()
    mask = build()
    first, second = mask(x), mask(x)
    torch.manual_seed(0)
    clips()
    again = mask(x)
    assert torch.equal(x, before)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("fill", ["min", "mean", "zero"])
def test_type_and_shape_stay(dtype, fill):
    x = clips().to(dtype)
    masked = build(fill=fill)(x)
    assert (masked.dtype, masked.shape) == (dtype, x.shape)
    assert not torch.equal(masked, x)


def test_everything_is_drawn_on_the_device_of_the_input():
    assert build(fill="mean")(clips().to("meta")).device.type == "meta"


def test_masks_are_whole_bands_and_whole_stretches_of_time_no_wider_than_asked():
    x = clips(batch=200)
    hidden = build(freq_masks=2, freq_width=5, time_masks=1, time_width=7, fill="zero")(x) == 0
    bands, times = hidden.all(dim=2), hidden.all(dim=1)
    assert torch.equal(hidden, bands[:, :, None] | times[:, None, :])
    assert bands.sum(dim=1).max() <= 2 * 5
    assert times.sum(dim=1).max() == 7
    edges = times.int().diff(dim=1, prepend=torch.zeros(200, 1), append=torch.zeros(200, 1))
    assert (edges == 1).sum(dim=1).max() == 1  # one stretch
    assert len({tuple(row) for row in times.tolist()}) > 50  # each clip has its own


@pytest.mark.parametrize(("fill", "value"), [("min", -80.0), ("mean", -30.0), ("zero", 0.0)])
def test_masked_values_become_what_the_clip_suggests(fill, value):
    x = torch.tensor([-80.0, -10.0, 0.0]).repeat(2, 30, 20)[:, :, :60]
    x[1] /= 2
    masked = build(freq_masks=0, time_width=60, fill=fill)(x)
    for clip, before, expected in zip(masked, x, [value, value / 2], strict=True):
        changed = clip != before
        assert changed.any()
        torch.testing.assert_close(clip[changed], torch.full_like(clip[changed], expected))


def test_no_masks_change_nothing():
    x = clips()
    assert torch.equal(build(freq_masks=0, time_masks=0)(x), x)
    assert torch.equal(build(freq_width=0, time_width=0)(x), x)


def test_clips_shorter_than_the_widest_mask_are_masked():
    assert build(freq_width=128, time_width=1000)(clips(frames=3)).shape == (8, 40, 3)


def plain_spans(batch, size, count, widest, rng):
    """Mask as spec_mask does, one clip and one mask after the other."""
    spans = torch.zeros(batch, size, dtype=torch.bool)
    for clip in spans:
        for _ in range(count):
            width = rng.randint(0, min(widest, size))
            start = rng.randint(0, size - width)
            clip[start : start + width] = True
    return spans


@pytest.mark.parametrize(("size", "count", "widest"), [(16, 1, 6), (12, 2, 5), (5, 1, 20)])
def test_masks_are_distributed_as_in_a_plain_loop(size, count, widest):
    batch = 20_000
    ours = inside(torch.rand(batch, count, 2), widest, size)
    plain = plain_spans(batch, size, count, widest, random.Random(0))
    # Shares of 20,000 clips differ by less than 0.02 (four standard errors of a difference).
    torch.testing.assert_close(ours.float().mean(dim=0), plain.float().mean(dim=0), rtol=0, atol=0.02)
    totals = [torch.bincount(s.sum(dim=1), minlength=size + 1) / batch for s in (ours, plain)]
    torch.testing.assert_close(*totals, rtol=0, atol=0.02)
    assert ours[:, 0].any()
    assert ours[:, -1].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_both_ways_of_filling_give_the_same(dtype):
    x, filling = clips().to(dtype), torch.arange(8).to(dtype)
    bands, times = (torch.rand(8, 2, 2), 10), (torch.rand(8, 3, 2), 12)
    filled = fill_by_place(x.clone(), bands, times, filling)
    assert torch.equal(filled, fill_by_choice(x, bands, times, filling))
    assert not torch.equal(filled, x)
