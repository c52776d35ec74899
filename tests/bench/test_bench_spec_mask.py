"""spec_mask on a batch, against masks set clip by clip."""

import torch

from genrelab_plugins.augmentations import spec_mask

CLIPS = torch.rand(64, 128, 130)


def loop(x):
    """Mask two bands and two stretches of time of each clip, one after the other."""
    masked = x.clone()
    for clip in masked:
        for axis, widest in ((clip, 10), (clip, 10), (clip.T, 20), (clip.T, 20)):
            width = int(torch.randint(widest + 1, ()))
            start = int(torch.randint(len(axis) - width + 1, ()))
            axis[start : start + width] = clip.min()
    return masked


def test_whole_batch(benchmark):
    benchmark.group = "spec_mask"
    benchmark(spec_mask.build(spec_mask.Params()), CLIPS)


def test_clip_by_clip(benchmark):
    benchmark.group = "spec_mask"
    benchmark(loop, CLIPS)
