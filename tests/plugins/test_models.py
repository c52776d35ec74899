"""The four architectures: sizes, gradients, shapes, and what is refused."""

import pytest
import safetensors.torch
import torch
from torch import nn

from genrelab import InputError
from genrelab_plugins.models import cnn1d_gru, cnn1d_lstm, cnn2d_gru, cnn2d_lstm

PLUGINS = {"cnn1d_gru": cnn1d_gru, "cnn1d_lstm": cnn1d_lstm, "cnn2d_gru": cnn2d_gru, "cnn2d_lstm": cnn2d_lstm}
all_four = pytest.mark.parametrize("name", PLUGINS)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def build(name, shape=(12, 20), classes=3, **params):
    [component] = PLUGINS[name].provide_models()
    assert component.name == name
    return component.build(component.params(**{"hidden_dim": 4} | params), shape, classes)


@pytest.mark.parametrize(
    ("hidden_dim", "num_layers", "classes", "counts"),
    [
        (64, 2, 12, [775_308, 1_022_924, 3_626_188, 9_355_788]),
        (128, 2, 12, [3_008_780, 1_696_012, 14_494_092, 18_853_260]),
        (64, 1, 16, [479_120, 628_176, 3_551_952, 8_961_040]),
    ],
)
def test_parameter_counts_are_those_of_the_published_study(hidden_dim, num_layers, classes, counts):
    with torch.device("meta"):
        models = [build(n, (128, 1292), classes, hidden_dim=hidden_dim, num_layers=num_layers) for n in PLUGINS]
    assert [sum(p.numel() for p in model.parameters()) for model in models] == counts


@pytest.mark.parametrize(
    ("name", "kernels", "rnn", "head"),
    [
        ("cnn1d_gru", [(12, 8, 5), (8, 16, 3), (16, 32, 3)], (nn.GRU, 32, 16), [(32, 8), (8, 3)]),
        ("cnn1d_lstm", [(12, 8, 5), (8, 16, 3), (16, 32, 3)], (nn.LSTM, 32, 128), [(512, 128), (128, 3)]),
        ("cnn2d_gru", [(1, 8, 5), (8, 16, 3), (16, 32, 3)], (nn.GRU, 32 * 3, 8), [(16, 8), (8, 3)]),
        ("cnn2d_lstm", [(1, 8, 5), (8, 16, 3), (16, 32, 3)], (nn.LSTM, 32 * 3, 128), [(512, 128), (128, 3)]),
    ],
)
def test_layers_have_the_published_sizes(name, kernels, rnn, head):
    modules = list(build(name, hidden_dim=8, num_layers=2).modules())
    convolutions = [m for m in modules if isinstance(m, nn.Conv1d | nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in convolutions] == kernels
    [layers] = [m for m in modules if isinstance(m, nn.RNNBase)]
    assert (type(layers), layers.input_size, layers.hidden_size) == rnn
    assert layers.bidirectional
    assert layers.num_layers == 2
    assert [(m.in_features, m.out_features) for m in modules if isinstance(m, nn.Linear)] == head


@pytest.mark.parametrize(
    ("name", "dropouts", "between_layers"),
    [
        ("cnn1d_gru", [(nn.Dropout, 0.5), (nn.Dropout, 0.5)], 0.0),
        ("cnn1d_lstm", [(nn.Dropout, 0.5), (nn.Dropout, 0.3)], 0.0),
        ("cnn2d_gru", [(nn.Dropout2d, 0.5), (nn.Dropout, 0.5)], 0.5),
        ("cnn2d_lstm", [(nn.Dropout2d, 0.5), (nn.Dropout, 0.3)], 0.5),
    ],
)
def test_dropout_acts_where_the_study_has_it(name, dropouts, between_layers):
    model = build(name, dropout=0.5)
    found = [(type(m), m.p) for m in model.modules() if isinstance(m, nn.Dropout | nn.Dropout2d)]
    assert (found, model.rnn.dropout) == (dropouts, between_layers)
    assert build(name, dropout=0.5, num_layers=1).rnn.dropout == 0.0


@pytest.mark.parametrize(
    ("name", "inputs", "pooled"),
    [("cnn1d_gru", 16, 8), ("cnn1d_lstm", 16, 256), ("cnn2d_gru", 48, 4), ("cnn2d_lstm", 48, 256)],
)
def test_the_first_versions_of_the_study_run_one_way(name, inputs, pooled):
    model = build(name, bidirectional=False)
    assert (model.rnn.bidirectional, model.rnn.input_size) == (False, inputs)
    assert model.embed(torch.rand(2, 12, 20)).shape == (2, pooled)


@all_four
def test_dual_pooling_is_the_mean_and_the_maximum_over_time(name):
    x = torch.rand(2, 12, 20)
    single, dual = build(name, pooling="mean").eval(), build(name, pooling="mean_max").eval()
    body = {k: v for k, v in single.state_dict().items() if not k.startswith("head.")}
    dual.load_state_dict({**dual.state_dict(), **body})
    states, _ = single.rnn(single.convolutions(x))
    torch.testing.assert_close(single.embed(x), states.mean(1))
    torch.testing.assert_close(dual.embed(x), torch.cat([states.mean(1), states.amax(1)], 1))
    assert dual(x).shape == (2, 3)


@all_four
def test_the_last_pooling_halves_frames_and_bins_once_more(name):
    shape = (19, 45)
    model, plain = build(name, shape, last_pool=True), build(name, shape)
    plain.convolutions.load_state_dict(
        dict(zip(plain.convolutions.state_dict(), model.convolutions.state_dict().values(), strict=True))
    )
    x = torch.rand(2, *shape)
    found, frames = model.eval().convolutions(x), plain.eval().convolutions(x)
    if "2d" in name:  # (batch, frames, bins * channels)
        expected = nn.functional.max_pool2d(frames.unflatten(2, (-1, 16)).permute(0, 3, 1, 2), 2)
        expected = expected.permute(0, 2, 3, 1).flatten(2)
    else:
        expected = nn.functional.max_pool1d(frames.transpose(1, 2), 2).transpose(1, 2)
    torch.testing.assert_close(found, expected)
    assert model(x).shape == (2, 3)
    with pytest.raises(InputError, match="12 x 7"):
        build(name, (12, 7), last_pool=True)


@all_four
def test_dropout_within_the_recurrent_part_can_be_chosen(name):
    for chosen in (False, True):
        assert build(name, dropout=0.5, rnn_dropout=chosen).rnn.dropout == (0.5 if chosen else 0.0)


@all_four
@pytest.mark.parametrize("frames", [4, 7, 20])
def test_the_result_for_a_clip_does_not_depend_on_its_batch(name, frames):
    model = build(name)
    model(torch.rand(8, 12, 20))  # running statistics other than 0 and 1
    model.eval()
    clips = torch.rand(5, 12, frames)
    with torch.inference_mode():
        alone = torch.cat([model(clip[None]) for clip in clips])
        torch.testing.assert_close(model(clips), alone, rtol=1e-5, atol=1e-5)


@all_four
@pytest.mark.parametrize("shape", [(4, 4), (20, 33), (131, 6)])
def test_any_number_of_bins_and_frames_gives_one_logit_a_class(name, shape):
    model = build(name, shape, classes=5)
    assert model(torch.rand(2, *shape)).shape == (2, 5)


@all_four
def test_the_head_classifies_the_embedding(name):
    model = build(name, hidden_dim=8).eval()
    x = torch.rand(3, 12, 20)
    embedding = model.embed(x)
    assert embedding.shape == (3, {"cnn1d_gru": 32, "cnn2d_gru": 16}.get(name, 512))
    torch.testing.assert_close(model.head(embedding), model(x))


@all_four
def test_weights_can_be_stored_after_a_training_step(name):
    model = build(name)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(2, 12, 20)).sum().backward()
    optimizer.step()
    stored = safetensors.torch.load(safetensors.torch.save(model.state_dict()))  # refuses strided tensors
    again = build(name).eval()
    again.load_state_dict(stored)
    x = torch.rand(2, 12, 20)
    torch.testing.assert_close(again(x), model.eval()(x))


@all_four
def test_clips_too_short_for_two_poolings_are_refused_in_one_line(name):
    with pytest.raises(InputError, match="12 x 3") as caught:
        build(name, (12, 3))
    assert "\n" not in str(caught.value)


def test_only_2d_models_refuse_too_few_bins():
    for name in ("cnn2d_gru", "cnn2d_lstm"):
        with pytest.raises(InputError, match="3 x 20"):
            build(name, (3, 20))
    for name in ("cnn1d_gru", "cnn1d_lstm"):
        assert build(name, (1, 20)).eval()(torch.rand(1, 1, 20)).shape == (1, 3)
