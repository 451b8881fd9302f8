"""What the recipe writes is read back, and computes what its layers say; everything else is refused."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.voice.models import packaged_models
from edge_agent.voice.sounds.acoustics import read_acoustics
from edge_agent.voice.sounds.blas import add_product
from edge_agent.voice.sounds.network import Network
from edge_agent.voice.training import nnet3
from edge_agent.voice.training.phones import phone_table

WIDTH, HIDDEN, PHONES = 5, 7, ("aa", "s")


def layer(draw: np.random.Generator, offsets: tuple[int, ...], inputs: int, outputs: int) -> nnet3.AffineLayer:
    weights = draw.standard_normal((outputs, inputs * len(offsets))).astype(np.float32)
    return nnet3.AffineLayer(offsets, weights, draw.standard_normal(outputs).astype(np.float32))


def made(later: tuple[int, ...] = (-3, 0, 3)) -> nnet3.Network:
    draw = np.random.default_rng(3)
    hidden = (layer(draw, (-1, 0, 1), WIDTH, HIDDEN), layer(draw, later, HIDDEN, HIDDEN))
    priors = np.array([0.5, 0.2, 0.3], np.float32)
    return nnet3.Network(WIDTH, hidden, layer(draw, (0,), HIDDEN, 1 + len(PHONES)), priors)


CONTENT = nnet3.final_mdl(made(), phone_table(PHONES))


def stored(weights: tuple[array[float], ...], outputs: int) -> NDArray[np.float64]:
    """Return the matrix (out, in) as it was stored, in a byte an entry."""
    return np.concatenate([np.array(each).reshape(-1, outputs) for each in weights]).T


def test_layers_sounds_and_priors_are_read_back() -> None:
    read, wanted = read_acoustics(CONTENT), made()
    for found, written in zip(read.layers, (*wanted.hidden, wanted.output), strict=True):
        assert found.offsets == written.offsets
        assert found.bias.tolist() == pytest.approx(written.bias.tolist())
        matrix = stored(found.weights, len(found.bias))
        assert matrix.shape == written.weights.shape
        # A byte has 64 steps for each outer quarter of a column, 128 for its middle half.
        np.testing.assert_allclose(matrix, written.weights, atol=0.03)
    assert read.priors.tolist() == pytest.approx([0.5, 0.2, 0.3])
    assert read.outputs == {phone.id: phone.pdf for phone in phone_table(PHONES)}


def test_it_computes_what_its_layers_say() -> None:
    read = read_acoustics(CONTENT)
    network = Network(read)
    assert (network.before, network.after, network.width) == (4, 4, WIDTH)
    count = 6
    frames = np.random.default_rng(8).standard_normal((3 * (count - 1) + 1 + 8, WIDTH))
    found = network.posteriors(array("f", frames.reshape(-1).tolist()), count)
    first, second, last = read.layers
    weights = [stored(each.weights, len(each.bias)) for each in read.layers]

    def hidden(at: int) -> NDArray[np.float64]:
        spliced = np.concatenate([frames[at + offset] for offset in first.offsets])
        active: NDArray[np.float64] = np.maximum(weights[0] @ spliced + np.array(first.bias), 0)
        return active

    for moment in range(count):
        at = 4 + 3 * moment
        spliced = np.concatenate([hidden(at + offset) for offset in second.offsets])
        above = np.maximum(weights[1] @ spliced + np.array(second.bias), 0)
        sums = weights[2] @ above + np.array(last.bias)
        assert found[moment] == pytest.approx((sums - np.logaddexp.reduce(sums)).tolist(), abs=1e-4)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_packaged_networks_are_read(language: str) -> None:
    network = Network(read_acoustics((packaged_models()[language] / "am" / "final.mdl").read_bytes()))
    assert (network.before, network.after, network.width) == (18, 18, 40)


@pytest.mark.parametrize("length", [0, 2, 40, 300, 900, 1500, len(CONTENT) // 2, len(CONTENT) - 1])
def test_what_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_acoustics(CONTENT[:length])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"FixedAffineComponent", b"OtherAffineComponent"),
        (b"RectifiedLinearComponent", b"SigmoidOtherComponent000"),
        (b"Offset(tdnn1.relu, 3)", b"Offset(tdnn9.relu, 3)"),
        (b"objective=linear", b"objective=square"),
        (b"<LinearParams> CM ", b"<LinearParams> CM2 "),
        (b"<Triples> \x04\x09", b"<Triples> \x04\x0a"),
        (b"<Priors> FV \x04\x03", b"<Priors> FV \x04\x02"),
        (b"<LinearParams> CM ", b"<LinearParams> FM "),
    ],
    ids=["component", "rectifier", "wiring", "objective", "two bytes", "a triple more", "a prior less", "floats"],
)
def test_another_form_is_refused(old: bytes, new: bytes) -> None:
    assert old in CONTENT
    with pytest.raises(ValueError, match=r".+"):
        read_acoustics(CONTENT.replace(old, new))


def test_a_later_layer_that_looks_at_single_frames_is_refused() -> None:
    content = nnet3.final_mdl(made(later=(-1, 0, 1)), phone_table(PHONES))
    with pytest.raises(ValueError, match="single frames"):
        Network(read_acoustics(content))


def test_a_product_adds_to_what_is_there_from_rows_that_overlap() -> None:
    draw = np.random.default_rng(5)
    signal, right, before = draw.standard_normal(30), draw.standard_normal((4, 3)), draw.standard_normal((6, 3))
    out, flat = array("f", before.reshape(-1).tolist()), array("f", signal.tolist())
    add_product(out, flat, array("f", right.reshape(-1).tolist()), rows=6, inner=4, start=2, step=4)
    rows = np.stack([signal[2 + 4 * row : 6 + 4 * row] for row in range(6)])
    assert out.tolist() == pytest.approx((before + rows @ right).reshape(-1).tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("rows", "inner", "start", "step"),
    [(7, 4, 2, 4), (6, 4, 3, 4), (6, 4, 2, 3), (6, 5, 2, 5), (5, 4, 2, 4)],
    ids=["beyond the end", "begun too late", "steps too short", "another shape", "too few rows"],
)
def test_nothing_is_read_that_is_not_there(rows: int, inner: int, start: int, step: int) -> None:
    out, left, right = array("f", bytes(4 * 18)), array("f", bytes(4 * 26)), array("f", bytes(4 * 12))
    add_product(out, left, right, rows=6, inner=4, start=2, step=4)
    with pytest.raises(RuntimeError):
        add_product(out, left, right, rows=rows, inner=inner, start=start, step=step)
