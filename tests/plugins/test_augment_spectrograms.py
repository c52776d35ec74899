"""Augmentations of features do what they say."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from genrelab import Augmentation
from genrelab.plugins.registry import Registry
from genrelab_plugins.augmentations import _filter_augment, _random, _spectrograms
from tests.conftest import ROOT

CLIPS, BINS, FRAMES = 300, 20, 40
registry = Registry.discover(start=ROOT)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def augmented(name: str, *given: Tensor, **params: Any) -> Any:
    found: Augmentation = registry.get("augmentation", name)
    return found.make(found.params(**params), 8000).train()(*given)


def clips(count: int = CLIPS) -> Tensor:
    return torch.rand(count, BINS, FRAMES) + 0.1


def test_the_defaults_are_those_of_the_study() -> None:
    names = ("spec_mask", "amplitude_scale", "time_shift", "spec_noise", "frequency_shift", "spec_stretch")
    defaults = {name: registry.get("augmentation", name).params() for name in names}
    mask = defaults["spec_mask"]
    assert (mask.freq_masks, mask.freq_width, mask.time_masks, mask.time_width) == (2, 10, 2, 20)
    assert (defaults["amplitude_scale"].low, defaults["amplitude_scale"].high) == (0.8, 1.2)
    assert defaults["time_shift"].share == 0.15
    assert defaults["spec_noise"].sigma == 0.003
    assert defaults["frequency_shift"].bins == 2
    assert (defaults["spec_stretch"].slowest, defaults["spec_stretch"].fastest) == (0.8, 1.2)


def test_amplitude_scale_multiplies_a_clip_by_one_factor_in_the_range() -> None:
    x = clips()
    factors = augmented("amplitude_scale", x) / x
    torch.testing.assert_close(factors, factors[:, :1, :1].expand_as(x))
    assert (factors.min().item(), factors.max().item()) == pytest.approx((0.8, 1.2), abs=0.01)


def test_spec_noise_has_the_deviation_that_was_asked_for() -> None:
    x = clips().double()
    noise = augmented("spec_noise", x) - x
    assert noise.mean().item() == pytest.approx(0, abs=3e-5)
    assert noise.std().item() == pytest.approx(0.003, rel=0.02)
    for neighbours in (noise[:, 1:] * noise[:, :-1], noise[:, :, 1:] * noise[:, :, :-1]):
        assert neighbours.mean().item() == pytest.approx(0, abs=0.01 * 0.003**2)


def test_fast_noise_is_standard_normal_and_independent() -> None:
    noise = _random.gaussian(torch.empty(125_000, 16))  # the values of a row come from one draw, four by four
    assert scipy.stats.kstest(noise.flatten().numpy(), "norm").pvalue > 0.01
    assert scipy.stats.kurtosis(noise.flatten().double().numpy()) == pytest.approx(0, abs=0.02)
    for fours in (noise[:, :4], noise[:, 2:6]):  # any direction of the space is normal, and so is what is far out
        along = fours @ F.normalize(torch.tensor([*itertools.product([-1.0, 0, 1], repeat=4)])[41:]).T
        assert min(scipy.stats.kstest(values.numpy(), "norm").pvalue for values in along.T) > 1e-4
        assert scipy.stats.kstest(fours.square().sum(1).numpy(), "chi2", (4,)).pvalue > 0.001
    for values in (noise, noise.abs()):
        together = torch.cat([values[1:], values[:-1]], 1)  # and with those of the draw before
        torch.testing.assert_close(together.T.corrcoef(), torch.eye(32), atol=0.015, rtol=0)


@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 0)])
def test_fast_noise_has_any_shape_and_is_that_of_the_seed(shape: tuple[int, ...]) -> None:
    first, again = (torch.manual_seed(1) and _random.gaussian(torch.empty(shape).double()) for _ in range(2))
    assert (first.shape, first.dtype) == (shape, torch.float64)
    assert torch.equal(first, again)


def test_time_shift_moves_a_clip_around_its_ends() -> None:
    x = clips()
    shifts = []
    for before, after in zip(x.numpy(), augmented("time_shift", x).numpy(), strict=True):
        [shift] = [s for s in range(-FRAMES // 2, FRAMES // 2) if np.array_equal(np.roll(before, s, 1), after)]
        shifts.append(shift)
    assert set(shifts) == set(range(-6, 7))  # 15 % of 40 frames


def test_frequency_shift_moves_a_clip_and_leaves_zeros() -> None:
    x = clips()
    shifts = []
    for before, after in zip(x.numpy(), augmented("frequency_shift", x).numpy(), strict=True):
        moved = {s: scipy.ndimage.shift(before, (s, 0), order=0) for s in range(-4, 5)}
        [shift] = [s for s, clip in moved.items() if np.array_equal(clip, after)]
        shifts.append(shift)
    assert set(shifts) == {-2, -1, 0, 1, 2}


def test_spec_stretch_interpolates_as_numpy_does_at_a_speed_in_the_range() -> None:
    x = clips(3)
    places = torch.linspace(0, 55, 17).repeat(3, 1, 1) * torch.tensor([1.0, 0.5, 1.2])[:, None, None]
    found = _spectrograms.at_frames(x, places)
    for clip, place, ours in zip(x.numpy(), places[:, 0].numpy(), found, strict=True):
        expected = [np.interp(place, np.arange(FRAMES), row, period=FRAMES) for row in clip]
        np.testing.assert_allclose(ours, expected, atol=1e-4)
    ramp = torch.arange(float(FRAMES)).expand(CLIPS, BINS, FRAMES)
    speeds = augmented("spec_stretch", ramp)[:, :, 1]
    assert (speeds.min().item(), speeds.max().item()) == pytest.approx((0.8, 1.2), abs=0.01)


def test_resized_crop_is_an_interpolated_part_of_the_clip() -> None:
    bins, frames = torch.meshgrid(torch.arange(float(BINS)), torch.arange(float(FRAMES)), indexing="ij")
    places = torch.stack([bins, frames])  # crops of the coordinates say where a crop was made
    x, found = clips(), []
    for given in (*places.unsqueeze(1).expand(2, CLIPS, BINS, FRAMES), x):
        torch.manual_seed(1)
        found.append(augmented("resized_crop", given, bins=0.5, frames=0.7))
    cropped = found[2]
    for i in range(20):
        at = np.stack([found[0][i].numpy(), found[1][i].numpy()])
        expected = scipy.ndimage.map_coordinates(x[i].numpy(), at, order=1, mode="nearest")
        np.testing.assert_allclose(cropped[i], expected, atol=1e-4)
    for place, size, smallest in ((found[0], BINS, 0.5), (found[1], FRAMES, 0.7)):
        assert place.min() >= 0
        assert place.max() <= size - 1 + 1e-3
        kept = (place.amax((1, 2)) - place.amin((1, 2))) / (size - 1)
        assert (kept.min().item(), kept.max().item()) == pytest.approx((smallest, 1), abs=0.02)


def test_the_whole_clip_as_a_crop_is_the_clip() -> None:
    x = clips(4)
    torch.testing.assert_close(augmented("resized_crop", x, bins=1.0, frames=1.0), x, atol=1e-4, rtol=1e-4)


def test_a_crop_is_resized_as_torch_does() -> None:
    x = clips(1)
    wanted = F.interpolate(x[:, None, 4:14, 10:30], (BINS, FRAMES), mode="bilinear", align_corners=True)[:, 0]
    theta = torch.tensor([[[19 / 39, 0, (10 + 29) / 39 - 1], [0, 9 / 19, (4 + 13) / 19 - 1]]])
    grid = F.affine_grid(theta, [1, 1, BINS, FRAMES], align_corners=True)
    torch.testing.assert_close(
        F.grid_sample(x[:, None], grid, align_corners=True)[:, 0], wanted, atol=1e-4, rtol=1e-4
    )


class TestFilterAugment:
    @pytest.mark.parametrize("shape", ["linear", "step"])
    def test_a_clip_gets_one_curve_for_all_its_frames_within_the_range(self, shape: str) -> None:
        x = torch.zeros(CLIPS, 64, 5)
        y = augmented("filter_augment", x, shape=shape, amount=0.5)
        assert torch.equal(y, y[:, :, :1].expand_as(y))
        assert (y.min().item(), y.max().item()) == pytest.approx((-0.5, 0.5), abs=0.02)
        values = torch.tensor([len(curve.unique_consecutive()) for curve in y[:, :, 0]])
        if shape == "step":
            assert set(values.tolist()) == {3, 4, 5}
        else:
            assert (values > 60).all()

    def test_bands_are_as_many_and_as_wide_as_asked(self) -> None:
        edges = _filter_augment.band_edges(torch.zeros(2000, 64, 1), 3, 5, 6)
        assert (edges[:, 0] == 0).all()
        assert (edges[:, -1] == 64).all()
        widths = edges.diff(dim=1)
        assert widths[widths > 0].min() == 6
        counts = (widths > 0).sum(1)
        assert set(counts.tolist()) == {3, 4, 5}
        assert (counts == 3).float().mean().item() == pytest.approx(1 / 3, abs=0.05)
        for count in (3, 4, 5):  # every band may be the wide one
            wide = widths[counts == count][:, :count].float().mean(0)
            torch.testing.assert_close(wide, torch.full((count,), 64 / count), rtol=0.1, atol=0)

    def test_more_bands_than_bins_are_as_many_as_there_are(self) -> None:
        edges = _filter_augment.band_edges(torch.zeros(50, 4, 1), 7, 9, 6)
        assert torch.equal(edges.unique(dim=0), torch.tensor([[0, 1, 2, 3, 4, 4, 4, 4, 4, 4]]))

    def test_curves_go_straight_from_edge_to_edge(self) -> None:
        edges = torch.tensor([[0, 6, 20, 32, 32], [0, 10, 18, 24, 32]])
        values = torch.rand(2, 5)
        found = _filter_augment.curves(edges, values, 32, linear=True)
        for curve, at, value in zip(found, edges, values, strict=True):
            np.testing.assert_allclose(
                curve,
                np.interp(np.arange(32), at[:4], value[:4]) if at[3] == 32 else np.interp(np.arange(32), at, value),
                atol=1e-6,
            )
        level = _filter_augment.curves(edges, values, 32, linear=False)
        assert torch.equal(level[0], values[0, [0] * 6 + [1] * 14 + [2] * 12])


class TestSpecMix:
    def test_whole_bands_of_bins_and_of_frames_come_from_another_clip(self) -> None:
        x = torch.arange(float(CLIPS))[:, None, None].expand(CLIPS, BINS, FRAMES)
        mixed, labels = augmented("specmix", x, torch.eye(CLIPS))
        numbers = []
        for i, clip in enumerate(mixed):
            taken = clip != i
            rows, columns = taken.all(1), taken.all(0)
            assert torch.equal(taken, rows[:, None] | columns[None, :])
            assert len(clip.unique()) <= 2
            assert labels[i, i] == pytest.approx(1 - taken.float().mean().item()) or not taken.any() or taken.all()
            numbers.append(self._runs(columns))
            if numbers[-1] == 1 and not taken.all():
                assert columns.sum() >= 12  # 30 % of 40 frames
        assert set(numbers) >= {0, 1, 2}
        assert max(numbers) <= 3

    @staticmethod
    def _runs(mask: Tensor) -> int:
        padded = torch.cat([mask.new_zeros(1), mask])
        return int((padded.int().diff() == 1).sum())

    def test_no_bands_change_nothing(self) -> None:
        x, y = clips(5), torch.eye(5)
        mixed, labels = augmented("specmix", x, y, freq_bands=0, time_bands=0)
        assert torch.equal(mixed, x)
        assert torch.equal(labels, y)
