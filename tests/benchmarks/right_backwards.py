"""How often does the gradient check call a right backward wrong? Random nets on a BLAS kernel; it must be never.

    for core in Prescott Nehalem Sandybridge Haswell SkylakeX; do
        OPENBLAS_CORETYPE=$core OPENBLAS_NUM_THREADS=1 python tests/benchmarks/right_backwards.py
    done

Of chaotic nets (gain 2 … 8, T up to 150, gradients up to 1e80), saturated ones (|a| up to 400, slopes that no float64
has) and vanished ones (down to 1e-300) 1,000 each, and 20 networks of them, a fifth of all in float32. What it has
counted stands in tutorials/CHECKERS.md.
"""

import argparse
import os
import time
from collections import Counter

import numpy as np

import rnnlab as rl

GATED = {rl.LSTM: 4, rl.GRU: 3}


def layer_of(kind, rng, D, H, kernel, recurrent, bias, activation="tanh"):
    """A layer with normal weights; `kernel`, `recurrent` and `bias` are standard deviations."""
    G = GATED.get(kind, 1)
    W, b = kernel * rng.standard_normal((D, G * H)), bias * rng.standard_normal(G * H)
    U = recurrent * (rng.standard_normal(H) if kind is rl.IndRNN else rng.standard_normal((H, G * H)))
    if kind is rl.GRU:
        return rl.GRU(W, U, b, bias * rng.standard_normal(G * H))
    return rl.LSTM(W, U, b) if kind is rl.LSTM else kind(W, U, b, activation)


def sizes(rng, longest, widest):
    """Small, for the sake of the count: a step is looked at by itself, and its cost grows with the parameters."""
    T, H = int(rng.integers(longest // 3, longest + 1)), int(rng.integers(2, widest + 1))
    return T, int(rng.integers(1, 3)), 2, H


def chaotic(rng):
    """Gain 2 … 8: the gradient grows at every step, and a rounding error with it."""
    T, B, D, H = sizes(rng, 150, 8)
    kind = [rl.RNN, rl.RNN, rl.LSTM, rl.GRU][rng.integers(4)]
    layer = layer_of(kind, rng, D, H, 0.5, rng.uniform(2, 8) / np.sqrt(H), 0.1)
    return layer, 0.5 * rng.standard_normal((T, B, D)), None


def saturated(rng):
    """|a| up to 400: a slope is read from an output that has no digits left to read it from."""
    T, B, D, H = sizes(rng, 9, 4)
    kind = [rl.RNN, rl.IndRNN, rl.LSTM, rl.GRU][rng.integers(4)]
    activation = ["tanh", "sigmoid", "relu"][rng.integers(3)]
    scale = 10 ** rng.uniform(0.5, 2)
    recurrent = 1 / np.sqrt(H) if activation == "relu" else scale / 4
    layer = layer_of(kind, rng, D, H, scale, recurrent, scale / 4, activation)
    return layer, rng.standard_normal((T, B, D)), None


def vanished(rng):
    """The loss on the last step alone, and a factor of 0.01 a step: 1e-300 after 150."""
    T, B, D, H = sizes(rng, 150, 4)
    kind = [rl.RNN, rl.IndRNN, rl.GRU, rl.LSTM][rng.integers(4)]
    activation = ["tanh", "sigmoid"][rng.integers(2)]
    layer = layer_of(kind, rng, D, H, 0.5, 0.02 / np.sqrt(H), 0.1, activation)
    if kind in GATED:  # gates that forget: f or z is σ(-4.6) = 0.01
        blocks = layer.b.reshape(GATED[kind], H)
        blocks[1 if kind is rl.LSTM else 0] -= 4.6
    dhs = np.zeros((T, B, H))
    dhs[-1] = rng.standard_normal((B, H))
    return layer, rng.standard_normal((T, B, D)), dhs


def stacked(rng):
    """Two of the others' layers, one above the other, under a readout."""
    make = [chaotic, saturated][rng.integers(2)]
    lower, xs, _ = make(rng)
    H = lower.forward(xs[:1]).ys.shape[-1]
    upper = layer_of(rl.LSTM, rng, H, 4, 1.0, 1.0, 0.5)
    return rl.Network((lower, upper), rl.Dense.init(rng, inputs=4, outputs=2)), xs[:40], None


KINDS = {
    "chaotic": (chaotic, 1.0),
    "saturated": (saturated, 1.0),
    "vanished": (vanished, 1.0),
    "stacked": (stacked, 0.02),
}


def checked(kind, seed):
    """The verdict on one net, and what the check said if it called it wrong."""
    rng = np.random.default_rng(seed)
    layer, xs, dhs = KINDS[kind][0](rng)
    dtype = np.float32 if seed % 5 == 4 else np.float64
    layer, xs = layer.map(lambda array: array.astype(dtype)), xs.astype(dtype)
    try:
        return rl.check_gradients(layer, xs, dhs=None if dhs is None else dhs.astype(dtype)).verdict, ""
    except rl.GradientError as error:
        return "called wrong", f"{kind}, seed {seed}, {type(layer).__name__}: {str(error).partition(chr(10))[0]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", type=int, default=1000, help="of a kind; of networks a fiftieth")
    parser.add_argument("--first", type=int, default=0, help="how many of them have been counted before")
    options = parser.parse_args()
    start, wrong = time.process_time(), 0
    core = os.environ.get("OPENBLAS_CORETYPE", "the machine's own")
    for kind, (_, share) in KINDS.items():
        counts = Counter()
        for seed in range(round(share * options.first), round(share * options.nets)):
            verdict, message = checked(kind, seed)
            counts[verdict] += 1
            if message:
                print(message, flush=True)
        wrong += counts["called wrong"]
        print(f"{core}: {kind}: {dict(counts)}", flush=True)
    print(f"{core}: {wrong} called wrong, NumPy {np.__version__}, {time.process_time() - start:.0f} s of the processor")
    raise SystemExit(wrong > 0)


if __name__ == "__main__":
    with np.errstate(over="ignore"):
        main()
