"""What every model must do."""

from __future__ import annotations

import importlib.util
from typing import Any

import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from genrelab.components import Model
from genrelab.errors import InputError
from genrelab.quiet import quiet
from genrelab.testing.checks import blaming, require, skip, variations
from genrelab.testing.model_building import (
    SHORT,
    build,
    fall_of_loss,
    ready,
    require_logits,
    shape_of,
    shapes_of,
    size_text,
)
from genrelab.testing.tensors import (
    CLOSE,
    backward,
    noise,
    require_equal,
    require_finite,
    require_untouched,
    seeded,
)


def logits(model: Model, params: Any) -> None:
    """It gives finite logits (batch, classes), whatever the feature's shape and the number of clips."""
    for shape in shapes_of(model, params):
        built = build(model, params, shape)
        for training, clips in ((False, 1), (False, 3), (True, 3)):
            require_logits(built.train(training), shape, clips)


def short_clips(model: Model, params: Any) -> None:
    """It takes short clips, or refuses them in one line when it is built."""
    for shape in SHORT:
        try:
            built = build(model, params, shape)
        except InputError as error:
            require("\n" not in str(error), f"refuses {size_text(shape)} in several lines", "say it in one line")
            continue
        require_logits(built.eval(), shape, 2)


def small_batch(model: Model, params: Any) -> None:
    """It trains on two clips, the smallest batch but where one is asked for, of any length that it takes."""
    for shape in (*shapes_of(model, params), *SHORT):
        try:
            built = build(model, params, shape).train()
        except InputError:
            continue
        fix = "leave normalisation out where it would see one value"
        with blaming(f"for two clips of {size_text(shape)} in training", fix):
            backward(built(noise(2, *shape)).sum())


def parameter_ends(model: Model, params: Any) -> None:
    """It works at both ends of the range of every parameter."""
    for text, changed in variations(params):
        shape = shape_of(model, changed, f" with {text}")
        require_logits(build(model, changed, shape).eval(), shape, 2, f" with {text}")


def gradients(model: Model, params: Any) -> None:
    """Every parameter gets a gradient."""
    built, (x, y) = ready(model, params)
    optimizer, still = torch.optim.Adam(built.parameters(), 1e-2), dict(built.named_parameters())
    for _ in range(3):  # a branch that starts from zero learns from the second step on
        optimizer.zero_grad()
        backward(F.cross_entropy(built(x), y))
        still = {name: p for name, p in still.items() if p.grad is None or not p.grad.abs().sum() > 0}
        optimizer.step()
    frozen = [name for name, p in built.named_parameters() if not p.requires_grad]
    left = [name for name in still if name not in frozen]
    require(not left, f"no gradient reaches {', '.join(left)}", "use it in forward without detach(), or remove it")


def independent_of_batch(model: Model, params: Any) -> None:
    """In eval mode a clip's logits do not depend on the other clips of its batch."""
    built, (x, _) = ready(model, params)
    built(x)  # running statistics other than 0 and 1
    built.eval()
    with torch.inference_mode():
        alone = torch.cat([built(clip[None]) for clip in x])
        fix = "use no statistics of the batch, and dropout only through nn.Dropout or with training=self.training"
        require_equal(built(x), alone, "a clip has other logits alone than in a batch", fix, **CLOSE)


def reproducible(model: Model, params: Any) -> None:
    """The same seed gives the same weights and logits; eval mode draws nothing."""
    fix = "draw random numbers from torch's own generator only, and none in eval()"
    first, (x, _) = ready(model, params)
    second, _ = ready(model, params)
    for (name, a), b in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        require_equal(a.float(), b.float(), f"{name} differs between two builds with one seed", fix)
    with torch.no_grad():
        require_equal(seeded(4, first, x), seeded(4, second, x), "trains otherwise with the same seed", fix)
        first.eval()
        require_equal(first(x), first(x), "gives other logits each time in eval()", fix)


def input_untouched(model: Model, params: Any) -> None:
    """It leaves its input as it is."""
    built, (x, _) = ready(model, params)
    before = x.clone()
    with torch.no_grad():
        built(x)
    require_untouched(x, before)


def weights_round_trip(model: Model, params: Any) -> None:
    """Its weights can be stored as safetensors, and loaded into a new build that then gives the same logits."""
    built, (x, y) = ready(model, params)
    backward(F.cross_entropy(built(x), y))
    torch.optim.Adam(built.parameters()).step()
    fix = "register every tensor that decides the result as a Parameter or buffer, each under one name"
    stored = safetensors.torch.save({k: v.contiguous() for k, v in built.state_dict().items()})
    again = seeded(9, build, model, params, (x.shape[1], x.shape[2]), 9)
    again.load_state_dict(safetensors.torch.load(stored))
    with torch.no_grad():
        require_equal(again.eval()(x), built.eval()(x), "other logits after loading its weights", fix, **CLOSE)


def learns(model: Model, params: Any) -> None:
    """The loss on one batch falls when it is trained on it."""
    fall = max(fall_of_loss(model, params, 1e-2), 0.0) or fall_of_loss(model, params, 1e-3)
    fix = "look for a missing path from input to logits, a softmax before the loss, or a scale far from 1"
    require(fall > 0.01, f"after 15 steps the loss on one batch has fallen by {fall:.1%}", fix)


def embed(model: Model, params: Any) -> None:
    """`embed` gives the vector (batch, values) of each clip that the head classifies."""
    built, (x, _) = ready(model, params)
    method = getattr(built, "embed", None)
    require(callable(method), "has no embed", "add embed(x): (batch, bins, frames) -> (batch, values)")
    built.eval()
    with torch.no_grad():
        found = built.embed(x)  # type: ignore[operator]
        require(isinstance(found, Tensor), f"embed gives {type(found).__name__}", "return one tensor")
        fix = "pool over time and frequency in embed"
        fitting = found.ndim == 2 and len(found) == len(x)
        require(fitting, f"embed gives {tuple(found.shape)} for {len(x)} clips, not ({len(x)}, values)", fix)
        require_finite(found, "embed", "look for a division by zero or a logarithm of it")
        alone = torch.cat([built.embed(clip[None]) for clip in x])  # type: ignore[operator]
        require_equal(
            alone, found, "embed depends on the other clips of a batch", "use no statistics of it", **CLOSE
        )


def compiles(model: Model, params: Any) -> None:
    """It gives the same under torch.compile (traced and differentiated, without generating code)."""
    built, (x, y) = ready(model, params)
    built.eval()
    fix = "avoid what torch.compile cannot trace, or tell why in known_failures={'compiles': ...}"
    with quiet():
        torch.compiler.reset()
        compiled = torch.compile(built, backend="aot_eager")
        result = compiled(x)
        require_equal(result, built(x), "other logits under torch.compile", fix, **CLOSE)
        backward(F.cross_entropy(result, y))
        torch.compiler.reset()


def onnx(model: Model, params: Any) -> None:
    """It can be exported to ONNX, and gives the same there."""
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime")):
        skip("needs the packages onnx, onnxscript and onnxruntime")
    import onnxruntime

    built, (x, _) = ready(model, params)
    built.eval()
    fix = "use operators that ONNX has, or tell why in known_failures={'onnx': ...}"
    with quiet(), torch.no_grad():
        program = torch.onnx.export(built, (x,), dynamo=True, verbose=False)
        require(program is not None, "export gives nothing", fix)
        stored = program.model_proto.SerializeToString()  # type: ignore[union-attr]
        session = onnxruntime.InferenceSession(stored, providers=["CPUExecutionProvider"])
        [found] = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        require_equal(torch.from_numpy(found), built(x), "other logits from ONNX", fix, rtol=1e-3, atol=1e-3)


CHECKS = (
    logits,
    short_clips,
    small_batch,
    parameter_ends,
    gradients,
    independent_of_batch,
    reproducible,
    input_untouched,
    weights_round_trip,
    learns,
    embed,
    compiles,
    onnx,
)
