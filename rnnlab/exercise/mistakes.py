"""The known mistakes in a backward through time: a line of the solution, and what people write in its place.

Each says what such a backward does, to follow "a backward that …". The lines are those of `exercise/solutions/`; an
exercise has the mistakes of the lines that it has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from rnnlab.exercise.gated_mistakes import GRU, LSTM

Lines = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Mistake:
    """A line of a solution as it should be and as it is, and what a backward with it does."""

    right: str
    wrong: str
    does: str


COMMON: Lines = {
    "for t in range(T, 0, -1):": {
        "for t in range(T, 1, -1):": "leaves out the first step, t = 1",
        "for t in range(T - 1, 0, -1):": "leaves out the last step, t = T",
        "for t in range(1, T + 1):": "makes da[t] of a dh[t] that nothing has flowed back to yet: it goes through the "
        "steps from the first to the last, or takes dys[t - 1] for dhs[t]",
    },
    "dhs[t] += dys[t - 1]": {
        "dhs[t] += dys[t - 1] if t == T else 0": "adds what arrives from above at the last step alone",
        "dhs[t] += 2 * dys[t - 1]": "adds what arrives from above twice",
        "dhs[t] += dys[t % T]": "adds dys[t] to h[t], a step too late: to h[t] belongs dys[t - 1]",
        "dhs[t] = dys[t - 1]": "overwrites what flowed back from step t + 1 by what arrives from above",
    },
    "dW += xs[t - 1].T @ da": {
        "dW += xs[t % T].T @ da": "reads x[t + 1] in dW, where x[t] belongs",
        "dW += xs[t - 1, :-1].T @ da[:-1]": "leaves the last sequence of the batch out of dW",
        "dW += xs[t - 1].T @ da / B": "divides dW by the batch: the others are sums",
        "dW += xs[t - 1].T @ da / T": "divides dW by the steps: the others are sums",
        "dW += xs[t - 1].T @ da if t == T else 0": "has dW of the last step alone, not the sum over time",
        "dW = xs[t - 1].T @ da": "overwrites dW at every step, where it has to be added to",
        "dW -= xs[t - 1].T @ da": "has the sign of dW wrong",
    },
    "dU += hs[t - 1].T @ da": {
        "dU += hs[t].T @ da": "reads h[t] in dU, where h[t - 1] belongs",
        "dU += hs[t - 1, :-1].T @ da[:-1]": "leaves the last sequence of the batch out of dU",
        "dU += hs[t - 1].T @ da / B": "divides dU by the batch: the others are sums",
        "dU += hs[t - 1].T @ da / T": "divides dU by the steps: the others are sums",
        "dU += hs[t - 1].T @ da if t == T else 0": "has dU of the last step alone, not the sum over time",
        "dU += hs[t - 1].T @ da if t > 1 else 0": "leaves h0 out of dU: the first step starts from it",
        "dU = hs[t - 1].T @ da": "overwrites dU at every step, where it has to be added to",
        "dU -= hs[t - 1].T @ da": "has the sign of dU wrong",
    },
    "db += da.sum(axis=0)": {
        "db += da.sum(axis=0) if t == T else 0": "has db of the last step alone, not the sum over time",
        "db += da.mean(axis=0)": "has the mean over the batch in db: the others are sums",
        "db += da.sum(axis=0) / T": "divides db by the steps: the others are sums",
        "db = da.sum(axis=0)": "overwrites db at every step, where it has to be added to",
        "db += da.sum()": "sums db over the units, too",
        "db += da[0]": "has db of the first sequence of the batch alone",
        "db -= da.sum(axis=0)": "has the sign of db wrong",
    },
    "dxs[t - 1] = da @ W.T": {
        "dxs[t % T] = da @ W.T": "writes dx[t] to the place of dx[t + 1]",
        "dxs[t - 1] = -da @ W.T": "has the sign of dxs wrong",
    },
    "dhs[t - 1] += da @ U.T": {
        "pass": "carries nothing back: da Uᵀ never reaches dh[t - 1]",
        "dhs[t - 1] -= da @ U.T": "has the sign of the carry wrong",
        "dhs[t - 1] += 0.5 * da @ U.T": "halves the carry",
    },
}

PLAIN: Lines = {  # of the RNN and the IndRNN
    "da = dhs[t] * (1 - hs[t] ** 2)": {
        "da = dhs[t] * np.ones_like(hs[t])": "leaves out the slope: da[t] = dh[t]",
        "da = dhs[t] * (1 - hs[t] ** 2) ** 2": "takes the slope twice",
        "da = dhs[t] * (1 - np.tanh(hs[t]) ** 2)": "takes the slope at h[t], which is tanh(a[t]) already",
        "da = dhs[t] * (1 - hs[t - 1] ** 2)": "takes the slope of the step before, from h[t - 1]",
        "da = dhs[t] * hs[t] * (1 - hs[t])": "takes the sigmoid's slope, h (1 - h), for tanh's",
        "da = dhs[t] * (1 - hs[t])": "has 1 - h for the slope 1 - h²",
        "da = dhs[t] * (1 + hs[t] ** 2)": "has 1 + h² for the slope 1 - h²",
    },
    "dW += xs[t - 1].T @ da": {
        "dW += xs[t - 1].T @ dhs[t]": "has dh in dW, where da belongs: the slope is left out",
    },
    "db += da.sum(axis=0)": {
        "db += dhs[t].sum(axis=0)": "has dh in db, where da belongs: the slope is left out",
    },
    "dxs[t - 1] = da @ W.T": {
        "dxs[t - 1] = da @ W": "has da W in dxs instead of da Wᵀ",
        "dxs[t - 1] = dhs[t] @ W.T": "has dh in dxs, where da belongs: the slope is left out",
        "dxs[t - 1] = dys[t - 1] * (1 - hs[t] ** 2) @ W.T": "makes dx[t] of what arrives from above at t alone, "
        "without what flows back from later steps",
    },
}

RNN: Lines = {
    "dU += hs[t - 1].T @ da": {
        "dU += hs[t - 1].T @ dhs[t]": "has dh in dU, where da belongs: the slope is left out",
        "dU += da.T @ hs[t - 1]": "has dU transposed",
    },
    "dhs[t - 1] += da @ U.T": {
        "dhs[t - 1] += da @ U": "carries da U instead of da Uᵀ",
        "dhs[t - 1] += dhs[t] @ U.T": "carries dh Uᵀ instead of da Uᵀ: the slope is left out",
        "dhs[t - 1] += dys[t - 1] * (1 - hs[t] ** 2) @ U.T": "carries what arrives from above one step, and no further",
        "dhs[t - 1] += da": "carries da without U",
    },
}

INDRNN: Lines = {
    "dU += hs[t - 1].T @ da": {
        "dU += hs[t - 1].T @ dhs[t]": "has dh in dU, where da belongs: the slope is left out",
        "dU += da.T @ hs[t - 1]": "has dU transposed",
    },
    "du += (hs[t - 1] * da).sum(axis=0)": {
        "du += (hs[t] * da).sum(axis=0)": "reads h[t] in du, where h[t - 1] belongs",
        "du += (hs[t - 1] * da)[:-1].sum(axis=0)": "leaves the last sequence of the batch out of du",
        "du += (hs[t - 1] * da).mean(axis=0)": "has the mean over the batch in du: the others are sums",
        "du += (hs[t - 1] * da).sum(axis=0) if t == T else 0": "has du of the last step alone, not the sum over time",
        "du += (hs[t - 1] * da).sum(axis=0) if t > 1 else 0": "leaves h0 out of du: the first step starts from it",
        "du = (hs[t - 1] * da).sum(axis=0)": "overwrites du at every step, where it has to be added to",
        "du -= (hs[t - 1] * da).sum(axis=0)": "has the sign of du wrong",
        "du += (hs[t - 1] * da).sum()": "sums du over the units, too",
        "du += (hs[t - 1] * dhs[t]).sum(axis=0)": "has dh in du, where da belongs: the slope is left out",
    },
    "dhs[t - 1] += u * da": {
        "pass": "carries nothing back: u da never reaches dh[t - 1]",
        "dhs[t - 1] -= u * da": "has the sign of the carry wrong",
        "dhs[t - 1] += 0.5 * u * da": "halves the carry",
        "dhs[t - 1] += u * dhs[t]": "carries u dh instead of u da: the slope is left out",
        "dhs[t - 1] += da": "carries da without u",
        "dhs[t - 1] += (da @ u)[:, None]": "sums the carry over the units, as if u were a full matrix",
        "dhs[t - 1] += u * dys[t - 1] * (1 - hs[t] ** 2)": "carries what arrives from above one step, and no further",
    },
}


PAGES = {
    "rnn": (COMMON, PLAIN, RNN),
    "indrnn": (COMMON, PLAIN, INDRNN),
    "lstm": (COMMON, LSTM),
    "gru": (COMMON, GRU),
}


@cache
def mistakes_in(name: str, solution: str) -> tuple[Mistake, ...]:
    """The known mistakes of the exercise of that name, whose solution has the lines of this text."""
    return tuple(
        Mistake(right, wrong, does)
        for page in PAGES[name]
        for right, wrongs in page.items()
        for wrong, does in wrongs.items()
        if right in solution
    )
