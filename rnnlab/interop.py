"""Parameters to and from PyTorch's and Keras's layouts, as plain NumPy arrays; neither framework is imported.

                PyTorch's state_dict                              Keras's get_weights()
    kernels     weight_ih_l0 (G, D), weight_hh_l0 (G, H): Wᵀ, Uᵀ  kernel (D, G), recurrent_kernel (H, G)
    biases      bias_ih_l0 (G,), bias_hh_l0 (G,), added up        bias (G,); GRU with reset_after: (2, G)
    LSTM gates  i, f, g, o as here                                i, f, c, o: as here, c is g
    GRU gates   r, z, n: the first two exchanged                  z, r, h: as here, h is n

Converting to either layout and back is exact. From PyTorch and back, an RNN's or LSTM's two biases become their sum
and 0, which is the same layer.
"""

import os
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from rnnlab.activations import Activation
from rnnlab.arrays import Array
from rnnlab.layers import GRU, LSTM, RNN, Dense
from rnnlab.network import Network

GATES = {1: RNN, 3: GRU, 4: LSTM}


def to_torch(layer: RNN | LSTM | GRU, *, index: int = 0) -> dict[str, Array]:
    """The state_dict of torch.nn.RNN, LSTM or GRU with these parameters, as NumPy arrays.

    Load it with `module.load_state_dict({name: torch.from_numpy(array) for name, array in … .items()})`; the module's
    nonlinearity is set when it is made. `index` is the layer's place in a stack: weight_ih_l1 and so on.

    Raises:
        TypeError: torch has no such layer.
    """
    if isinstance(layer, GRU):
        W, U, b, bu = (_exchanged(array) for array in (layer.W, layer.U, layer.b, layer.bu))
    elif isinstance(layer, RNN | LSTM):
        W, U, b, bu = layer.W, layer.U, layer.b.copy(), np.zeros_like(layer.b)
    else:
        raise TypeError(f"PyTorch's layout is known for RNN, LSTM and GRU; got {type(layer).__name__}")
    names = (f"{kind}_l{index}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    arrays = (np.ascontiguousarray(W.T), np.ascontiguousarray(U.T), b, bu)
    return dict(zip(names, arrays, strict=True))


def from_torch(
    state: Mapping[str, Array], *, prefix: str = "", index: int = 0, activation: str | Activation = "tanh"
) -> RNN | LSTM | GRU | Dense:
    """The layer with the parameters of a state_dict, whose values are NumPy arrays; its kind is read from the shapes.

        rl.interop.from_torch(state, prefix="encoder.rnn.")      # encoder.rnn.weight_ih_l0, …: a recurrent layer
        rl.interop.from_torch(state, prefix="head.")             # head.weight, head.bias, of a Linear: a Dense

    Args:
        state: with weight_ih_l0, weight_hh_l0 and, if there are biases, bias_ih_l0 and bias_hh_l0; or with weight and,
            if there is one, bias.
        prefix: what the names begin with, where the layer is a part of a larger module; its dot included.
        index: which layer of a stack.
        activation: of an RNN, "tanh" or "relu"; torch does not keep it in the state_dict.

    Raises:
        ValueError: a name is missing, the shapes are of no known layer, or the layer is one that does not exist here:
            it runs backwards in time as well, or has a projection.
    """
    ours = {name.removeprefix(prefix): np.asarray(array) for name, array in state.items() if name.startswith(prefix)}
    if f"weight_hh_l{index}" not in ours and ours.get("weight", np.empty(0)).ndim == 2:
        W = np.ascontiguousarray(ours["weight"].T)
        return Dense(W, np.array(ours.get("bias", np.zeros(W.shape[1], W.dtype))))
    return _recurrent(ours, prefix, index, activation, state)


def _recurrent(
    ours: Mapping[str, Array], prefix: str, index: int, activation: str | Activation, state: Mapping[str, Array]
) -> RNN | LSTM | GRU:
    """The recurrent layer of those arrays, whose names are without their prefix; `state` is what they are from."""
    missing = [f"{prefix}{name}" for name in (f"weight_ih_l{index}", f"weight_hh_l{index}") if name not in ours]
    if missing:
        elsewhere = [name for name in state if name.endswith(f"weight_hh_l{index}") and not name.startswith("weight")]
        hint = f": say prefix={elsewhere[0].removesuffix(f'weight_hh_l{index}')!r}" if elsewhere else ""
        raise ValueError(
            f"the state_dict has no {' and no '.join(missing)}; it has {', '.join(state) or 'nothing'}{hint}"
        )
    of_this = re.compile(rf"_l{index}(_reverse)?$")
    _refuse_unknown([f"{prefix}{name}" for name in ours if of_this.search(name)], "the state_dict")
    W = np.ascontiguousarray(ours[f"weight_ih_l{index}"].T)
    U = np.ascontiguousarray(ours[f"weight_hh_l{index}"].T)
    none = np.zeros(U.shape[-1], U.dtype)
    b, bu = (np.array(ours.get(f"bias_{kind}_l{index}", none)) for kind in ("ih", "hh"))
    kind = _kind(U)
    if kind is GRU:
        return GRU(*(_exchanged(array) for array in (W, U, b, bu)))
    if kind is LSTM:
        return LSTM(W, U, b + bu)
    return RNN(W, U, b + bu, activation)  # type: ignore[arg-type]  # a name becomes an Activation


def _refuse_unknown(names: Sequence[str], where: str) -> None:
    """Names that no layer here has a place for: leaving them out would make another layer."""
    backwards = [name for name in names if "_reverse" in name or "backward" in name]
    projected = [name for name in names if "weight_hr_l" in name]
    if backwards or projected:
        what = f"a layer that runs backwards in time, {backwards[0]}" if backwards else f"a projection, {projected[0]}"
        raise ValueError(f"{where} has {what}, which no layer here has")


def to_keras(layer: RNN | LSTM | GRU) -> list[Array]:
    """What `set_weights` of keras.layers.SimpleRNN, LSTM or GRU (reset_after=True) takes.

    Raises:
        TypeError: Keras has no such layer.
    """
    if isinstance(layer, GRU):
        return [layer.W.copy(), layer.U.copy(), np.stack([layer.b, layer.bu])]
    if isinstance(layer, RNN | LSTM):
        return [layer.W.copy(), layer.U.copy(), layer.b.copy()]
    raise TypeError(f"Keras's layout is known for RNN, LSTM and GRU; got {type(layer).__name__}")


def from_keras(weights: Sequence[Array], *, activation: str | Activation = "tanh") -> RNN | LSTM | GRU:
    """The layer with the weights of `get_weights()`; its kind is read from the shapes.

    Args:
        weights: kernel, recurrent kernel and, unless use_bias=False, bias.
        activation: of a SimpleRNN; Keras does not keep it in the weights.

    Raises:
        ValueError: not two or three arrays, the shapes are of no known layer, or a GRU without reset_after.
    """
    if len(weights) not in (2, 3):
        raise ValueError(f"weights must be kernel, recurrent kernel and bias; got {len(weights)} arrays")
    W, U, *bias = (np.array(array) for array in weights)
    kind = _kind(U)
    if kind is GRU:
        b = bias[0] if bias else np.zeros((2, U.shape[1]), U.dtype)
        if b.shape != (2, U.shape[1]):
            raise ValueError(f"a GRU's bias must be (2, {U.shape[1]}), as with reset_after=True; got {b.shape}")
        return GRU(W, U, b[0].copy(), b[1].copy())
    b = bias[0] if bias else np.zeros(U.shape[1], U.dtype)
    if kind is LSTM:
        return LSTM(W, U, b)
    return RNN(W, U, b, activation)  # type: ignore[arg-type]  # a name becomes an Activation


def read(path: str | os.PathLike[str], *, activation: str | Activation = "tanh") -> Network:
    """The recurrent layers in an .npz file of PyTorch's or Keras's names, one above the other, without a readout.

        np.savez(path, **{name: value.numpy() for name, value in module.state_dict().items()})    # PyTorch
        np.savez(path, **{weight.path: weight.numpy() for weight in model.weights})               # Keras 3

    Other weights in the file, those of a readout for instance, are left out.

    Args:
        activation: of RNNs, "tanh" or "relu"; neither framework keeps it in the weights.

    Raises:
        ValueError, TypeError: the file is damaged, has no recurrent layer, or has several that do not follow one
            another: bidirectional ones, an encoder and a decoder.
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            arrays = {name.partition(":")[0]: archive[name] for name in archive.files if RECURRENT.search(name)}
        except Exception as error:  # bytes of unknown origin can raise any exception
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise ValueError(f"{path} is not a whole .npz file of weights: {reason}") from None
    _refuse_unknown(list(arrays), str(path))
    layers = _torch_layers(arrays, activation) or _keras_layers(arrays, activation)
    if not layers:
        raise ValueError(
            f"{path} has no recurrent layer by PyTorch's names (weight_hh_l0) or Keras's (recurrent_kernel); "
            f"it has {', '.join(archive.files[:6]) or 'nothing'}"
        )
    for below, above in pairwise(layers):
        if len(above.W) != len(below.U):
            raise ValueError(
                f"{path} has recurrent layers that do not follow one another: {len(below.U)} units, then a layer "
                f"that reads {len(above.W)}"
            )
    return Network(tuple(layers), None, "every")


RECURRENT = re.compile(r"(weight_(ih|hh|hr)|bias_(ih|hh))_l\d+|(^|[/.])(recurrent_kernel|kernel|bias)(:0)?$")


def _torch_layers(arrays: Mapping[str, Array], activation: str | Activation) -> list[RNN | LSTM | GRU]:
    """The layers of every module with weight_hh_l0, weight_hh_l1 … in it, in the order of the file."""
    found = [re.fullmatch(r"(.*?)weight_hh_l(\d+)", name) for name in arrays]
    places = [(match[1], int(match[2])) for match in found if match]
    prefixes = list(dict.fromkeys(prefix for prefix, _ in places))
    layers = []
    for prefix, index in sorted(places, key=lambda place: (prefixes.index(place[0]), place[1])):
        ours = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        layers.append(_recurrent(ours, prefix, index, activation, arrays))
    return layers


def _keras_layers(arrays: Mapping[str, Array], activation: str | Activation) -> list[RNN | LSTM | GRU]:
    """A layer for every recurrent_kernel, in the order of the file."""
    stems = [name.removesuffix("recurrent_kernel") for name in arrays if name.endswith("recurrent_kernel")]
    names = ([f"{stem}{part}" for part in ("kernel", "recurrent_kernel", "bias")] for stem in stems)
    return [from_keras([arrays[name] for name in three if name in arrays], activation=activation) for three in names]


def _kind(U: Array) -> type[RNN] | type[LSTM] | type[GRU]:
    """The kind of layer whose recurrent kernel is (H, H), (H, 3H) or (H, 4H)."""
    gates, rest = divmod(U.shape[1], U.shape[0]) if U.ndim == 2 and U.shape[0] else (0, 1)
    if rest or gates not in GATES:
        raise ValueError(f"a recurrent kernel must be (H, H), (H, 3H) or (H, 4H) after transposing; got {U.shape}")
    return GATES[gates]


def _exchanged(array: Array) -> Array:
    """The first two of three blocks along the last axis exchanged: z, r, n from r, z, n and back."""
    first, second, third = np.split(array, 3, axis=-1)
    return np.concatenate([second, first, third], axis=-1)
