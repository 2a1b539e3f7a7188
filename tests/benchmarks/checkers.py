"""Which wrong backwards do the gradient checkers of other libraries find? The table of tutorials/CHECKERS.md.

    pip install torch==2.13.0 jax scipy
    PYTHONPATH=tests python tests/benchmarks/checkers.py > tutorials/CHECKERS.md

Every checker gets the same backwards of the same layers at the same points, in float64, and is used as its manual uses
it, with its defaults: torch.autograd.gradcheck on an autograd.Function, jax.test_util.check_grads on a custom_vjp (in
reverse mode, the only one that a custom_vjp has), scipy.optimize.check_grad on the loss and its gradient.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import platform
import warnings
from collections import Counter
from dataclasses import dataclass

import jax
import numpy as np
import scipy
import torch
from jax.test_util import check_grads
from scipy.optimize import check_grad
from torch.autograd.gradcheck import GradcheckError

import museum
import rnnlab as rl

jax.config.update("jax_enable_x64", True)
SCIPY_SAYS_WRONG = 1e-5  # it returns a number, and no verdict


@dataclass(frozen=True)
class Problem:
    """A layer with a backward to be checked, where it runs, and whether the loss reads its last output alone."""

    layer: object
    xs: np.ndarray
    starts: tuple
    last: bool = False

    @property
    def arguments(self):
        """All that a gradient is asked for by: the parameters, the inputs and the starts."""
        return [*self.layer.arrays().values(), self.xs, *self.starts]

    def run(self, arguments):
        names = list(self.layer.arrays())
        layer = self.layer.like(**dict(zip(names, arguments, strict=False)))
        xs, *starts = arguments[len(names) :]
        return layer, layer.forward(xs, *starts)

    def outputs(self, *arguments):
        """What the loss may read: every output and the states at the end, or the last output."""
        _, trace = self.run([np.array(array) for array in arguments])
        return (trace.ys[-1],) if self.last else (trace.ys, *trace.ends)

    def pullback(self, arguments, weights):
        """The gradients by every argument, given dL/d(output)."""
        layer, trace = self.run([np.array(array) for array in arguments])
        dys, *dends = (np.array(weight) for weight in weights)
        if self.last:
            last, dys, dends = dys, np.zeros_like(trace.ys), [np.zeros_like(end) for end in trace.ends]
            dys[-1] = last
        grads = layer.backward(trace, dys, *dends)
        return (*grads.params.arrays().values(), grads.xs, *grads.dstarts)


def ours(problem):
    dhs = None
    if problem.last:
        dhs = np.zeros((*problem.xs.shape[:2], problem.starts[0].shape[1]))
        dhs[-1] = 1
    try:
        return not rl.check_gradients(problem.layer, problem.xs, *problem.starts, dhs=dhs).passed
    except rl.GradientError:
        return True


def pytorch(problem):
    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *arguments):
            ctx.save_for_backward(*arguments)
            return tuple(torch.from_numpy(y.copy()) for y in problem.outputs(*(a.detach() for a in arguments)))

        @staticmethod
        def backward(ctx, *weights):
            gradients = problem.pullback(ctx.saved_tensors, weights)
            return tuple(torch.from_numpy(np.ascontiguousarray(gradient)) for gradient in gradients)

    inputs = tuple(torch.from_numpy(array.copy()).requires_grad_() for array in problem.arguments)
    try:
        torch.autograd.gradcheck(Layer.apply, inputs)
    except GradcheckError:
        return True
    return False


def with_jax(problem):
    like = [jax.ShapeDtypeStruct(y.shape, y.dtype) for y in problem.outputs(*problem.arguments)]
    given = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in problem.arguments]

    @jax.custom_vjp
    def layer(*arguments):
        return jax.pure_callback(lambda *each: problem.outputs(*each), tuple(like), *arguments)

    def pull(arguments, weights):
        call = lambda each, by: tuple(np.ascontiguousarray(g) for g in problem.pullback(each, by))  # noqa: E731
        return jax.pure_callback(call, tuple(given), arguments, weights)

    layer.defvjp(lambda *arguments: (layer(*arguments), arguments), pull)
    try:
        check_grads(layer, tuple(map(jax.numpy.asarray, problem.arguments)), order=1, modes=["rev"])
    except AssertionError:
        return True
    return False


def scipys_number(problem):
    shapes = [array.shape for array in problem.arguments]
    cuts = np.cumsum([array.size for array in problem.arguments])[:-1]
    rng = np.random.default_rng(0)
    weights = [
        np.ones_like(y) if problem.last else rng.standard_normal(y.shape) for y in problem.outputs(*problem.arguments)
    ]

    def split(x):
        return [part.reshape(shape) for part, shape in zip(np.split(x, cuts), shapes, strict=True)]

    def loss(x):
        return sum(np.sum(w * y) for w, y in zip(weights, problem.outputs(*split(x)), strict=True))

    def gradient(x):
        return np.concatenate([np.ravel(part) for part in problem.pullback(split(x), weights)])

    return check_grad(loss, gradient, np.concatenate([array.ravel() for array in problem.arguments]))


def with_scipy(problem):
    return scipys_number(problem) > SCIPY_SAYS_WRONG


CHECKERS = {
    "`rl.check_gradients`": ours,
    "PyTorch `gradcheck`": pytorch,
    "JAX `check_grads`": with_jax,
    "SciPy `check_grad`": with_scipy,
}


def simple(piece):
    """The museum's own case: D = H = 3, T = 6, B = 2, tanh."""
    rng = np.random.default_rng(6)
    W, b = 0.4 * rng.standard_normal((3, 3)), rng.uniform(0, 0.4, 3)
    U = 0.5 * rng.standard_normal((3, 3)) if issubclass(piece, rl.RNN) else rng.uniform(0.4, 1.1, 3)
    return Problem(piece(W, U, b, "tanh"), rng.uniform(-1, 1, (6, 2, 3)), (rng.uniform(0, 1, (2, 3)),))


def gated(piece):
    """D = H = 2, T = 4, B = 2."""
    rng = np.random.default_rng(9)
    blocks = 4 if issubclass(piece, rl.LSTM) else 3
    W, U = 0.4 * rng.standard_normal((2, 2 * blocks)), 0.5 * rng.standard_normal((2, 2 * blocks))
    biases = rng.uniform(-0.4, 0.4, (1 if blocks == 4 else 2, 2 * blocks))
    starts = rng.uniform(-1, 1, (2 if blocks == 4 else 1, 2, 2))
    return Problem(piece(W, U, *biases), rng.uniform(-1, 1, (4, 2, 2)), tuple(starts))


def vanishing(piece, T=90):
    """The loss on the last step alone, sigmoid: under 1e-40 where 90 steps start."""
    near = simple(piece)
    layer = piece(*near.layer.arrays().values(), "sigmoid")
    xs = np.random.default_rng(8).uniform(-1, 1, (T, 2, 3))
    return Problem(layer, xs, near.starts, last=True)


class StartZeroed(museum.PlainRNN):
    """The gradient of the start is never written; all else is right."""

    def carry(self, da, dh):
        return super().carry(da, dh) * 1.0

    def backward(self, trace, dhs, *dends):
        grads = super().backward(trace, dhs, *dends)
        grads.hs[0] = 0
        return grads


def zeroed(size):
    """As many steps as leave a gradient of the start of about that size, and a backward that gives 0 for it."""
    T = next(T for T in range(1, 200) if start_gradient(T) < 2 * size)
    return vanishing(StartZeroed, T), start_gradient(T)


def start_gradient(T):
    right = vanishing(museum.PlainRNN, T)
    return abs(right.pullback(right.arguments, [np.ones((2, 3))])[-1]).max()


def problems():
    """The rows of the table: what is wrong, and the problems."""
    yield "mistakes in an RNN", [simple(piece) for piece in museum.RNN_BUGS]
    yield "mistakes in an IndRNN", [simple(piece) for piece in museum.INDRNN_BUGS]
    seen = [piece for piece in museum.LSTM_BUGS if piece is not museum.CellsTotalWithTheOutputs]
    yield "mistakes in an LSTM", [gated(piece) for piece in seen]
    yield "mistakes in a GRU", [gated(piece) for piece in museum.GRU_BUGS]
    yield "mistakes where \\|dh\\| < 1e-30 alone", [vanishing(piece) for piece in museum.VANISHED_BUGS]
    for size in (1e-6, 1e-30):
        problem, measured = zeroed(size)
        yield f"dh[0] = 0, where it is {measured:.0e}", [problem]
    right = [simple(museum.PlainRNN), simple(museum.PlainIndRNN), gated(museum.PlainLSTM), gated(museum.PlainGRU)]
    yield "**right** backwards called wrong", [*right, vanishing(museum.PlainRNN), vanishing(museum.PlainIndRNN)]


HEAD = """# Which wrong backwards does a checker find?

Found of tried, by four checkers of gradients. Every one gets the same backwards at the same points, in float64, and is
used as its manual uses it, with its defaults.
"""

TAIL = """
How to read it. The mistakes are those of `tests/museum.py`, each in one line of a right backward, at ordinary sizes
(T = 4 or 6, B = 2, D = H = 2 or 3, a loss that reads every step). There every checker does its work. In the three rows
below them what is wrong is small: sigmoid nets with the loss on the last step, whose gradient is wrong only where it
has vanished, or is zero at the start and right elsewhere. The others compare with an absolute tolerance (1e-5 in
PyTorch and in JAX) or return the norm of a difference (SciPy gives no verdict: more than {threshold:.0e} counts as
found here, and right backwards give up to {right:.0e}). What is smaller may be anything, zero included. A tolerance of
one's own can be finer and could find the larger of the two zeroed gradients; of the smaller one a difference quotient
has no digits at any tolerance. In a net that forgets, such gradients are the question.

`rl.check_gradients` differentiates single steps by the complex step, and knows no absolute tolerance. In return it asks
for a forward that runs in complex numbers and a layer in rnnlab's protocol; the others take any function. One piece of
the museum is left out: it is wrong in totals between the steps alone, which no other checker is given.

Written by `PYTHONPATH=tests python tests/benchmarks/checkers.py > tutorials/CHECKERS.md` with Python {python}, NumPy
{numpy}, PyTorch {torch}, JAX {jax}, SciPy {scipy}.
"""

COUNTED = """
## Is a right backward ever called wrong?

Counted on random nets with right backwards, on each BLAS kernel that OPENBLAS_CORETYPE chooses: Prescott, Nehalem,
Sandybridge, Haswell and SkylakeX (Cooperlake and Sapphirerapids are SkylakeX in this OpenBLAS), a fifth or a quarter of
the nets in float32, NumPy 2.4.6. Chaotic nets have a gain of 2 to 8 and T up to 150, saturated ones |a| up to 400,
vanished ones gradients down to 1e-300.

| by | nets a kernel | called wrong, of all kernels |
|---|---|---:|
| `rnnlab check FILE.py`, a file by each of two hands | 336 chaotic, 332 saturated, 332 vanished | 0 of 10,000 runs |
| `rl.check_gradients` | 1,000 chaotic, 1,000 saturated, 1,000 vanished, 20 networks | 0 of 15,100 |

Of a kernel's 3,020 the API calls 2,295 right and 725 inconclusive: 14 chaotic, 474 saturated, 233 vanished, 4 networks.
There a slope 1 - h² has no digits left, or a number is too small for its dtype. A first count had found one that was
called wrong, a saturated LSTM; what was mended for it has a test. The counts of one kernel:

    OPENBLAS_CORETYPE=Nehalem python tests/benchmarks/check_counts.py right 1000
    OPENBLAS_CORETYPE=Nehalem python tests/benchmarks/right_backwards.py

The second takes six minutes of the processor.
"""  # by the two scripts that it names


def main():
    warnings.simplefilter("ignore")
    table = {
        what: (cases, {name: sum(map(check, cases)) for name, check in CHECKERS.items()}) for what, cases in problems()
    }
    print(HEAD)
    print(f"| | tried | {' | '.join(CHECKERS)} |")
    print(f"|---|{'---:|' * (1 + len(CHECKERS))}")
    total = Counter()
    for what, (cases, found) in table.items():
        print(f"| {what} | {len(cases)} | {' | '.join(str(count) for count in found.values())} |")
        total += Counter() if "right" in what else Counter({"tried": len(cases), **found})
    print(f"| **all wrong ones** | {total['tried']} | {' | '.join(str(total[name]) for name in CHECKERS)} |")
    right, _ = list(table.values())[-1]
    versions = {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__}
    versions |= {"jax": jax.__version__, "scipy": scipy.__version__}
    print(TAIL.format(threshold=SCIPY_SAYS_WRONG, right=max(map(scipys_number, right)), **versions) + COUNTED, end="")


if __name__ == "__main__":
    main()
