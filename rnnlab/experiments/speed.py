"""What `rnnlab bench` measures: forward and backward of every layer beside PyTorch and JAX, and what bounds them.

Everything is in float32. A ratio is the other's time over ours in the same round, so above 1 we are faster; that of
the limit is the time of what the algorithm cannot do without over ours, so 1 could not be improved. All runs of a size
get the same inputs, start states and parameters, and give the outputs and every gradient: of the parameters, the
inputs and the start states. No side keeps freed memory, as in a program that asks for nothing; rows of the kind `kept`
have `rnnlab.keep_freed_memory` on both sides: it holds for PyTorch's memory, too. An update of training is a batch of
the adding problem, forward, loss, backward, clipping by norm, and Adam.
"""

import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnlab import optim
from rnnlab.affine import blocks, flat
from rnnlab.arrays import Array
from rnnlab.experiments import frameworks
from rnnlab.experiments.timing import elsewhere, in_turns, machine, middle, threads, versions
from rnnlab.layers import GRU, LSTM, RNN, IndRNN
from rnnlab.memory import keep_freed_memory
from rnnlab.models import build
from rnnlab.names import wrong_name
from rnnlab.network import Network
from rnnlab.settings import Settings
from rnnlab.table import Table
from rnnlab.tasks import Adding
from rnnlab.tasks.task import Task
from rnnlab.training import update

COLUMNS = "kind layer T B D H threads other seconds theirs ratio low high rounds machine versions"
"""Of the table. seconds and theirs are medians over the rounds; ratio is theirs/ours: median, 10 % and 90 %.

kind is layer, kept or training, where other is PyTorch, JAX or limit; growth and exponent, where other is the letter
that grows and ratio the time over that of the first size, and the exponent; or memory, where ratio is bytes over those
of the T+1 states."""

Size = tuple[int, int, int, int]
SIZES: tuple[Size, ...] = (
    (100, 16, 2, 100),
    (100, 64, 64, 128),
    (784, 16, 1, 100),
    (200, 128, 128, 256),
    (50, 128, 256, 512),
    (1000, 50, 2, 128),
)
"""(T, B, D, H)."""

LAYERS: dict[str, tuple[str, Callable[..., Any], dict[str, str]]] = {
    "rnn": ("tanh RNN", RNN.init, {"activation": "tanh"}),
    "relu": ("ReLU RNN", RNN.init, {"activation": "relu"}),
    "indrnn": ("IndRNN", IndRNN.init, {}),
    "lstm": ("LSTM", LSTM.init, {}),
    "gru": ("GRU", GRU.init, {}),
}
"""The words for a layer: its name, and how it is made."""

TRAINED = {"irnn": "IRNN", "indrnn": "IndRNN", "lstm": "LSTM", "gru": "GRU"}
TRAINING: tuple[Size, ...] = ((150, 16, 2, 100), (1000, 50, 2, 128))
LR, CLIP_NORM = 1e-3, 1.0

KEPT_ROUNDS = 9
"""Of the kind `kept`, at most."""

GROWTH: Size = (100, 32, 32, 128)
GROWN = {"T": (50, 100, 200, 400), "B": (8, 32, 128), "H": (32, 128, 512)}
"""How time grows: one letter at a time, the others as in GROWTH."""

Row = tuple[str | float, ...]


def measure(
    *,
    layers: Sequence[str] = tuple(LAYERS),
    sizes: Sequence[Size] = SIZES,
    training: Sequence[Size] = TRAINING,
    thread_counts: Sequence[int] = (1, 2),
    rounds: int = 25,
    grown: dict[str, tuple[int, ...]] = GROWN,
    report: Callable[[str], None] = lambda what: None,
) -> Table:
    """The table of all that was asked for; each size has a process of its own for each number of threads.

    Args:
        layers: words of `LAYERS`.
        sizes: (T, B, D, H) for forward and backward.
        training: (T, B, D, H) for an update; the adding problem has D = 2.
        grown: the letters whose growth is measured, and their values; with one thread.
        rounds: how many at most; see `timing.LONGEST`.
        report: called before each process with what it measures.

    Raises:
        ValueError: an unknown word; fewer than 1 round or thread.
    """
    unknown = [word for word in layers if word not in LAYERS]
    if unknown:
        raise wrong_name("layer", unknown[0], LAYERS)
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1; got {rounds}")
    rows: list[Row] = []
    for count in thread_counts:
        for size in sizes:
            report(f"{count} thread{'s' * (count != 1)}, forward and backward at {size}")
            rows += elsewhere(count, of_layers, tuple(layers), size, rounds)
            if count == 1 and frameworks.installed("torch"):
                rows += elsewhere(count, of_layers_with_memory_kept, tuple(layers), size, min(rounds, KEPT_ROUNDS))
        for size in training:
            report(f"{count} thread{'s' * (count != 1)}, an update of training at {size}")
            rows += elsewhere(count, of_training, tuple(layers), size, rounds)
    for letter, values in grown.items():
        report(f"1 thread, growth with {letter}")
        rows += elsewhere(1, of_growth, tuple(layers), letter, values, rounds)
    where = machine(), versions("numpy", "torch", "jax")
    return Table.of(COLUMNS, [(*row, *where) for row in rows])


def problem(word: str, size: Size) -> tuple[Any, Array, tuple[Array, ...], Array]:
    """(layer, xs, starts, dys) of a size, all in float32 and the same every time."""
    T, B, D, H = size
    rng = np.random.default_rng(0)
    _, make, options = LAYERS[word]
    layer = make(rng, inputs=D, hidden=H, dtype=np.float32, **options)
    xs, dys = (rng.standard_normal(shape).astype(np.float32) for shape in ((T, B, D), (T, B, H)))
    starts = tuple(rng.standard_normal((B, H)).astype(np.float32) for _ in layer.carries)
    return layer, xs, starts, dys


def ours(layer: Any, xs: Array, starts: tuple[Array, ...], dys: Array) -> Callable[[], Any]:
    """Forward and backward."""

    def run() -> Any:
        return layer.backward(layer.forward(xs, *starts), dys)

    return run


def of_layers(words: Sequence[str], size: Size, rounds: int) -> list[Row]:
    """Forward and backward of the layers at one size, beside the frameworks and the limit; and the memory they take."""
    rows: list[Row] = []
    for word in words:
        given = problem(word, size)
        others = {"PyTorch": frameworks.pytorch(*given)} if frameworks.installed("torch") else {}
        if frameworks.installed("jax"):
            others["JAX"] = frameworks.jax(*given)
        others["limit"] = limit(given[0], given[1], given[3])
        rows += _beside("layer", LAYERS[word][0], size, ours(*given), others, rounds)
        if threads() == 1:
            rows += _memory(LAYERS[word][0], size, given)
    return rows


def of_layers_with_memory_kept(words: Sequence[str], size: Size, rounds: int) -> list[Row]:
    """Forward and backward beside PyTorch, in a process that keeps what either frees; no rows where that cannot be."""
    if not keep_freed_memory():
        return []
    rows: list[Row] = []
    for word in words:
        given = problem(word, size)
        rows += _beside("kept", LAYERS[word][0], size, ours(*given), {"PyTorch": frameworks.pytorch(*given)}, rounds)
    return rows


def of_training(words: Sequence[str], size: Size, rounds: int) -> list[Row]:
    """An update of training, beside PyTorch."""
    T, B, D, H = size
    task = Adding(steps=T)
    if task.inputs != D:
        raise ValueError(f"the adding problem has D = {task.inputs} inputs; got a size {size}")
    rows: list[Row] = []
    for word, name in TRAINED.items():
        if word in words or (word == "irnn" and "relu" in words):
            network = build(np.random.default_rng(0), task, layer=word, hidden=H, dtype=np.float32)
            others = {}
            if frameworks.installed("torch"):
                others["PyTorch"] = frameworks.pytorch_training(network, task, B, CLIP_NORM, LR)
            rows += _beside("training", name, size, updates(network, task, B), others, rounds)
    return rows


def updates(network: Network, task: Task, batch: int) -> Callable[[], float]:
    """Each call makes one update, that of `fit`, and returns the loss."""
    chosen = Settings(batch=batch, optimizer="adam", lr=LR, clip_norm=CLIP_NORM)
    memory, rng, made = optim.get(chosen.optimizer).start(network), np.random.default_rng(0), 0

    def run() -> float:
        nonlocal network, memory, made
        network, memory, loss, _ = update(network, memory, made, task, rng, chosen)
        made += 1
        return loss

    return run


def of_growth(words: Sequence[str], letter: str, values: Sequence[int], rounds: int) -> list[Row]:
    """Time of forward and backward as one letter grows, and the exponent: the slope of log time over log size."""
    rows: list[Row] = []
    for word in words:
        sizes = [with_letter(letter, value) for value in values]
        seconds = in_turns([ours(*problem(word, size)) for size in sizes], rounds)
        for size, taken in zip(sizes, seconds.T, strict=True):
            rows.append(_row("growth", LAYERS[word][0], size, letter, taken, taken, taken / seconds[:, 0]))
        slopes = np.polyfit(np.log(values), np.log(seconds).T, 1)[0]  # one for each round
        rows.append(_row("exponent", LAYERS[word][0], sizes[-1], letter, seconds[:, 0], seconds[:, -1], slopes))
    return rows


def with_letter(letter: str, value: int) -> Size:
    """`GROWTH` with another value of one letter."""
    T, B, D, H = (value if name == letter else usual for name, usual in zip("TBDH", GROWTH, strict=True))
    return T, B, D, H


def _beside(
    kind: str, name: str, size: Size, run: Callable[[], Any], others: dict[str, Callable[[], Any]], rounds: int
) -> list[Row]:
    """A row for each of the others: ours and theirs in turns. Alone, it is a row beside itself."""
    seconds = in_turns([run, *others.values()], rounds)
    mine = seconds[:, 0]
    if not others:
        return [_row(kind, name, size, "none", mine, mine, mine / mine)]
    pairs = zip(others, seconds[:, 1:].T, strict=True)
    return [_row(kind, name, size, other, mine, theirs, theirs / mine) for other, theirs in pairs]


def _row(kind: str, name: str, size: Size, other: str, mine: Array, theirs: Array, ratios: Array) -> Row:
    medians = float(np.median(mine)), float(np.median(theirs))
    return (kind, name, *map(float, size), float(threads()), other, *medians, *middle(ratios), float(len(ratios)))


def _memory(name: str, size: Size, given: tuple[Any, Array, tuple[Array, ...], Array]) -> list[Row]:
    """Bytes over those of the T+1 states: what the trace holds, and the most that forward and backward have at once."""
    T, B, _, H = size
    layer, xs, starts, dys = given
    least = (T + 1) * B * H * xs.itemsize
    held = sum(array.nbytes for array in layer.forward(xs, *starts).arrays().values()) - xs.nbytes
    tracemalloc.start()
    layer.backward(layer.forward(xs, *starts), dys)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    none = np.zeros(1)
    return [
        _row("memory", name, size, what, none, none, np.array([count / least]))
        for what, count in (("trace", held), ("peak", most))
    ]


def limit(layer: Any, xs: Array, dys: Array) -> Callable[[], None]:
    """What the algorithm cannot do without, block by block as the layers do it, into buffers that are there already.

    Of an RNN, LSTM or GRU the matrix products of forward and backward. Of an IndRNN those that it has, and once
    through its arrays: forward writes the states; backward reads them and what arrives, and writes the totals.
    """
    if isinstance(layer, IndRNN):
        return _streaming(layer, xs, dys)
    W, U = layer.W, layer.U
    U_T, W_T = map(np.ascontiguousarray, (U.T, W.T))  # BLAS multiplies by a matrix faster than by the transpose of one
    rng = np.random.default_rng(1)
    hs = rng.standard_normal(dys.shape).astype(xs.dtype)
    das = rng.standard_normal((*xs[blocks(xs)[0]].shape[:2], U.shape[1])).astype(xs.dtype)
    products, dW, dU, dxs = np.empty_like(das), np.empty_like(W), np.empty_like(U), np.empty_like(xs)
    forward_step, backward_step = np.empty_like(das[0]), np.empty_like(hs[0])

    def run() -> None:
        for block in blocks(xs):
            x, h = xs[block], hs[block]
            np.matmul(flat(x), W, out=flat(products[: len(x)]))  # project
            for h_prev in h:  # recur
                np.matmul(h_prev, U, out=forward_step)
        for block in reversed(blocks(xs)):
            x, h, some = xs[block], hs[block], das[: len(xs[block])]
            for da in some[::-1]:  # recur, backwards
                np.matmul(da, U_T, out=backward_step)
            np.matmul(flat(h).T, flat(some), out=dU)  # collect
            np.matmul(flat(x).T, flat(some), out=dW)
            np.matmul(flat(some), W_T, out=flat(dxs[block]))

    return run


def _streaming(layer: IndRNN, xs: Array, dys: Array) -> Callable[[], None]:
    hs, totals, dxs, dW = np.empty_like(dys), np.empty_like(dys), np.empty_like(xs), np.empty_like(layer.W)

    def run() -> None:
        for block in blocks(xs):
            np.matmul(flat(xs[block]), layer.W, out=flat(hs[block]))
        for block in reversed(blocks(xs)):
            np.add(hs[block], dys[block], out=totals[block])
            np.matmul(flat(xs[block]).T, flat(totals[block]), out=dW)
            np.matmul(flat(totals[block]), layer.W.T, out=flat(dxs[block]))

    return run
