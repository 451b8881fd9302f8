"""`am/final.mdl`, as `training.nnet3` writes it: which output stands for which sound, and the layers. Pure.

Raise ValueError for everything that is not exactly of that form: another's model is heard without our second look.

Source: Kaldi's hmm/transition-model.cc, nnet3/nnet-nnet.cc and matrix/compressed-matrix.cc, read for their formats.
A matrix in a byte an entry ("CM") has, for each column, four numbers that bytes 0, 64, 192 and 255 stand for; between
them it is linear. Its bytes go down one column after the other, the order that a product from the right wants.
"""

import re
import struct
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edge_agent.voice.sounds.blas import Floats

_MARKS: Final = (0, 64, 192, 255)
_LEVELS: Final = 65535.0
_MOST_ENTRIES: Final = 1 << 24
_LAYER: Final = re.compile(r"component-node name=(\S+)\.affine component=\1\.affine input=(.*)")
_OFFSET: Final = re.compile(r"Offset\((\S+), (-?\d+)\)|([^\s(),]+)")


@dataclass(frozen=True, slots=True)
class Layer:
    """What is added up for a frame: for each offset the frame there, times its `weights` (in, out), and `bias`."""

    offsets: tuple[int, ...]
    weights: tuple["Floats", ...]
    bias: "Floats"


@dataclass(frozen=True, slots=True)
class Acoustics:
    """Layers with rectifiers between them and a log-softmax after the last; `outputs` by the id of the phone."""

    layers: tuple[Layer, ...]
    priors: "Floats"
    outputs: Mapping[int, int]


def read_acoustics(content: bytes) -> Acoustics:
    """Return the network in the bytes of a `final.mdl`. Raise ValueError where it is none of ours."""
    try:
        return _read(_Reader(content))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError("it is cut short") from error


def _read(reader: "_Reader") -> Acoustics:
    reader.expect(b"\0B")
    outputs = _outputs(reader)
    reader.token("<Nnet3>")
    wiring = [line for line in reader.until(b"\n\n").decode("ascii").splitlines() if line]
    offsets = _offsets(wiring)
    reader.token("<NumComponents>")
    if reader.integer() != 2 * len(offsets):
        raise ValueError("it has other components")
    layers = []
    for name, each in offsets.items():
        reader.token("<ComponentName>", f"{name}.affine", "<FixedAffineComponent>", "<LinearParams>")
        weights, width = reader.matrix(len(each))
        reader.token("<BiasParams>")
        bias = reader.vector()
        reader.token("</FixedAffineComponent>")
        if width != len(bias):
            raise ValueError("a layer does not fit together")
        layers.append(Layer(each, weights, bias))
        last = name == "output"
        end = "LogSoftmaxComponent" if last else "RectifiedLinearComponent"
        reader.token("<ComponentName>", f"{name}.{'log-softmax' if last else 'relu'}", f"<{end}>")
        reader.until(f"</{end}> ".encode())
    reader.token("</Nnet3>", "<LeftContext>")
    reader.integer()
    reader.token("<RightContext>")
    reader.integer()
    reader.token("<Priors>")
    priors = reader.vector()
    for one, after in pairwise(layers):
        if len(after.weights[0]) != len(one.bias) * len(after.bias):
            raise ValueError("two layers do not fit together")
    if not layers or len(priors) != len(layers[-1].bias) or min(priors) <= 0:
        raise ValueError("its priors do not fit")
    if outputs and not 0 <= min(outputs.values()) <= max(outputs.values()) < len(priors):
        raise ValueError("its sounds do not fit")
    return Acoustics(tuple(layers), priors, outputs)


def _outputs(reader: "_Reader") -> dict[int, int]:
    reader.token("<TransitionModel>", "<Topology>")
    reader.until(b"</Topology> ")
    reader.token("<Triples>")
    count = reader.integer()
    triples = [(reader.integer(), reader.integer(), reader.integer()) for _ in range(count)]
    reader.token("</Triples>", "<LogProbs>")
    reader.vector()
    reader.token("</LogProbs>", "</TransitionModel>")
    if any(state for _, state, _ in triples) or len({phone for phone, _, _ in triples}) != count:
        raise ValueError("a phone has more than one state")
    return {phone: output for phone, _, output in triples}


def _offsets(wiring: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the frames that each layer looks at, of the layer before it."""
    found: dict[str, tuple[int, ...]] = {}
    expected = [line for line in wiring if line.startswith("input-node name=input dim=")]
    before = "input"
    for line in wiring:
        if (layer := _LAYER.fullmatch(line)) is None:
            continue
        name, source = layer.groups()
        spliced = source.removeprefix("Append(").removesuffix(")") if source.startswith("Append(") else source
        parts = _OFFSET.findall(spliced)
        if {far or near for far, _, near in parts} != {before}:
            raise ValueError("its layers are not a chain")
        found[name] = tuple(int(offset or 0) for _, offset, _ in parts)
        after = f"{name}.{'log-softmax' if name == 'output' else 'relu'}"
        expected += [line, f"component-node name={after} component={after} input={name}.affine"]
        before = after
    expected.append(f"output-node name=output input={before} objective=linear")
    if list(wiring) != expected or before != "output.log-softmax":
        raise ValueError("it has other nodes")
    return found


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def expect(self, wanted: bytes) -> None:
        if not self._content.startswith(wanted, self._at):
            raise ValueError(f"{wanted!r} is not at {self._at}")
        self._at += len(wanted)

    def token(self, *names: str) -> None:
        for name in names:
            self.expect(f"{name} ".encode())

    def until(self, end: bytes) -> bytes:
        found = self._content.index(end, self._at)  # a ValueError where there is none
        before = self._content[self._at : found]
        self._at = found + len(end)
        return before

    def integer(self) -> int:
        self.expect(b"\x04")
        (value,) = self._unpack("<i")
        return int(value)

    def vector(self) -> "Floats":
        self.token("FV")
        count = self.integer()
        return array("f", self._unpack(f"<{_checked(count)}f"))

    def matrix(self, parts: int) -> tuple[tuple["Floats", ...], int]:
        """Return a matrix, transposed and cut into so many of as many rows; and how many columns they have."""
        self.token("CM")
        least, span = self._unpack("<ff")
        rows, columns = map(int, self._unpack("<ii"))
        if columns % parts:
            raise ValueError("a layer does not fit together")
        levels = self._unpack(f"<{_checked(4 * columns)}H")
        if len(self._content) < self._at + rows * columns:
            raise ValueError("it is cut short")
        # Made in their full size: what grows leaves holes behind that the process keeps.
        found = tuple(array("f", bytes(4 * _checked(rows * columns // parts))) for _ in range(parts))
        for column in range(columns):
            values = [least + span * level / _LEVELS for level in levels[4 * column : 4 * column + 4]]
            table = [values[0]]
            for (low, high), (first, last) in zip(pairwise(values), pairwise(_MARKS), strict=True):
                slope = (high - low) / (last - first)
                table += [low + slope * step for step in range(1, last - first + 1)]
            entries = self._content[self._at : self._at + rows]
            self._at += rows
            part, place = divmod(column, columns // parts)
            found[part][rows * place : rows * (place + 1)] = array("f", [table[entry] for entry in entries])
        return found, rows

    def _unpack(self, form: str) -> tuple[float, ...]:
        values = struct.unpack_from(form, self._content, self._at)
        self._at += struct.calcsize(form)
        return values


def _checked(count: int) -> int:
    if not 0 <= count <= _MOST_ENTRIES:
        raise ValueError("it has too many numbers")
    return count
