"""Write Kaldi's binary `final.mdl`: a transition model, an nnet3 network, priors.

The network is a chain of affine layers over spliced frames, each followed by a
ReLU, and a last affine layer followed by a log-softmax. Each phone has one
emitting state with a self-loop, so one pdf per phone.

Source: Kaldi's hmm/transition-model.cc, hmm/hmm-topology.cc, nnet3/nnet-nnet.cc,
nnet3/am-nnet-simple.cc and matrix/compressed-matrix.cc, read for their formats.
Matrices are stored in a byte an entry ("CM"), which Kaldi's reader takes wherever
it takes a float matrix: a quarter of the size. Each column has a scale of its own,
fine where half of its entries are and coarser outside.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.voice.training.phones import PositionedPhone

_NO_PDF: Final = -1
_LEAVING_PROBABILITY: Final = 0.5
_LEVELS: Final = 65535
_QUARTILE_BYTES: Final = (0, 64, 192, 255)
"""Which bytes stand for a column's least entry, its quartiles and its greatest; between them it is linear."""


@dataclass(frozen=True, slots=True)
class AffineLayer:
    """`weights` (out, in · len(offsets)) and `bias` (out) over the frames at `offsets`."""

    offsets: tuple[int, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Network:
    """Hidden layers with ReLU, then `output` with log-softmax; `priors` sum to one."""

    input_dim: int
    hidden: tuple[AffineLayer, ...]
    output: AffineLayer
    priors: NDArray[np.float32]


def final_mdl(network: Network, phones: Sequence[PositionedPhone]) -> bytes:
    """Return the bytes of `am/final.mdl`."""
    return b"".join(
        [
            b"\0B",
            _transition_model(phones),
            _network(network),
            _token("<LeftContext>") + _int(0),  # Kaldi works the contexts out from the layers
            _token("<RightContext>") + _int(0),
            _token("<Priors>") + _vector(network.priors),
        ]
    )


def _transition_model(phones: Sequence[PositionedPhone]) -> bytes:
    ids = [phone.id for phone in phones]
    entry_of_phone = [-1, *[0] * len(ids)]  # there is no phone 0
    emitting = _int(0) + _int(2) + _int(0) + _float(1 - _LEAVING_PROBABILITY) + _int(1) + _float(_LEAVING_PROBABILITY)
    last = _int(_NO_PDF) + _int(0)
    topology = _ints(ids) + _ints(entry_of_phone) + _int(1) + _int(2) + emitting + last
    triples = b"".join(_int(phone.id) + _int(0) + _int(phone.pdf) for phone in phones)
    log_probabilities = np.full(1 + 2 * len(phones), np.log(_LEAVING_PROBABILITY), np.float32)
    log_probabilities[0] = 0.0
    return b"".join(
        [
            _token("<TransitionModel>"),
            _token("<Topology>") + topology + _token("</Topology>"),
            _token("<Triples>") + _int(len(phones)) + triples + _token("</Triples>"),
            _token("<LogProbs>") + _vector(log_probabilities) + _token("</LogProbs>"),
            _token("</TransitionModel>"),
        ]
    )


def _network(network: Network) -> bytes:
    nodes = [f"input-node name=input dim={network.input_dim}"]
    components: list[tuple[str, bytes]] = []
    previous = "input"
    for number, layer in enumerate(network.hidden, start=1):
        affine, relu = f"tdnn{number}.affine", f"tdnn{number}.relu"
        nodes.append(_node(affine, _spliced(previous, layer.offsets)))
        nodes.append(_node(relu, affine))
        components.append((affine, _affine(layer)))
        components.append((relu, _nonlinearity("RectifiedLinearComponent", len(layer.bias))))
        previous = relu
    nodes.append(_node("output.affine", _spliced(previous, network.output.offsets)))
    nodes.append(_node("output.log-softmax", "output.affine"))
    nodes.append("output-node name=output input=output.log-softmax objective=linear")
    components.append(("output.affine", _affine(network.output)))
    components.append(("output.log-softmax", _nonlinearity("LogSoftmaxComponent", len(network.output.bias))))
    body = b"".join(_token("<ComponentName>") + _token(name) + component for name, component in components)
    config = "\n".join(["", *nodes, "", ""]).encode()
    count = _token("<NumComponents>") + _int(len(components))
    return _token("<Nnet3>") + config + count + body + _token("</Nnet3>")


def _node(name: str, source: str) -> str:
    return f"component-node name={name} component={name} input={source}"


def _spliced(source: str, offsets: Sequence[int]) -> str:
    if tuple(offsets) == (0,):
        return source
    frames = [source if offset == 0 else f"Offset({source}, {offset})" for offset in offsets]
    return f"Append({', '.join(frames)})"


def _affine(layer: AffineLayer) -> bytes:
    name = "FixedAffineComponent"
    weights = _token("<LinearParams>") + _matrix(layer.weights)
    return _token(f"<{name}>") + weights + _token("<BiasParams>") + _vector(layer.bias) + _token(f"</{name}>")


def _nonlinearity(name: str, dim: int) -> bytes:
    """Write a component whose training statistics are all empty."""
    nothing = _vector(np.zeros(0, np.float32))
    return b"".join(
        [
            _token(f"<{name}>") + _token("<Dim>") + _int(dim),
            _token("<ValueAvg>") + nothing + _token("<DerivAvg>") + nothing,
            _token("<Count>") + _float(0) + _token("<OderivRms>") + nothing,
            _token("<OderivCount>") + _float(0) + _token(f"</{name}>"),
        ]
    )


def _token(name: str) -> bytes:
    return f"{name} ".encode()


def _int(value: int) -> bytes:
    return b"\x04" + struct.pack("<i", value)


def _float(value: float) -> bytes:
    return b"\x04" + struct.pack("<f", value)


def _ints(values: Sequence[int]) -> bytes:
    return b"\x04" + struct.pack(f"<i{len(values)}i", len(values), *values)


def _vector(values: NDArray[np.float32]) -> bytes:
    return b"FV " + _int(len(values)) + np.asarray(values, "<f4").tobytes()


def _matrix(values: NDArray[np.float32]) -> bytes:
    least = float(values.min())
    span = max(float(values.max()) - least, 1e-6)
    marks = np.quantile(values.astype(np.float64), (0.0, 0.25, 0.75, 1.0), axis=0)
    levels = np.round((marks - least) / span * _LEVELS).astype(np.int64)
    # Kaldi divides by the distance of two marks, so there must be one.
    order = np.arange(len(marks))[:, None]
    levels = np.maximum.accumulate(levels - order, axis=0) + order
    levels = np.minimum(levels, _LEVELS - order[::-1])
    found = least + span * levels / _LEVELS
    entries = np.stack(
        [np.interp(column, mark, _QUARTILE_BYTES) for column, mark in zip(values.T, found.T, strict=True)]
    )
    header = b"CM " + struct.pack("<ffii", least, span, *values.shape)
    scales: bytes = levels.T.astype("<u2").tobytes()
    return header + scales + np.round(entries).astype("u1").tobytes()
