"""`rnnlab check` on mistakes by other hands: each is wrong, and is told by its name; pairs, too; right ones pass."""

from itertools import combinations

import numpy as np
import pytest

import hand_written
import museum
import naive
from deep import one_in
from rnnlab.exercise.exercises import EXERCISES
from rnnlab.exercise.plain import check
from rnnlab.exercise.run import UnusableError

CASES = [(name, *mistake) for name, mistakes in hand_written.MISTAKES.items() for mistake in mistakes]
every_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)


def functions_in(text):
    names = {}
    exec(text, names)
    return names["forward"], names["backward"]


@pytest.mark.parametrize(("name", "right", "wrong", "says"), one_in(10, CASES), ids=lambda each: each[:40])
def test_a_mistake_written_by_hand_is_told_by_its_name(name, right, wrong, says):
    text = hand_written.with_mistake(name, right, wrong)
    answer = check(functions_in(text), EXERCISES[name], text)
    assert (answer.verdict, answer.status) == ("wrong", 1)
    assert says in answer.advice


# What each piece of the museum is called by the known mistakes: a part of the sentence.
NAMES = {
    "CarryDropped": "carries nothing back",
    "CarryNegated": "the sign of the carry wrong",
    "CarryWithoutSlope": "the slope is left out",
    "CarryHalved": "halves the carry",
    "SlopeMissing": "leaves out the slope",
    "SlopeTwice": "takes the slope twice",
    "SlopeAtTheOutput": "takes the slope at h[t]",
    "SlopeOfTheStepBefore": "the slope of the step before",
    "StateOffByOne": "reads h[t] in d",
    "InputOffByOne": "reads x[t + 1] in dW",
    "KernelMinusOneSequence": "leaves the last sequence of the batch out of dW",
    "BiasOfTheLastStep": "db of the last step alone",
    "BiasAveraged": "the mean over the batch in db",
    "InputWithoutTheRecurrentPath": "makes dx[t] of what arrives from above at t alone",
    "KernelNotTransposed": "da W in dxs instead of da Wᵀ",
    "FirstStepForgotten": "leaves out the first step",
    "FromAboveAtTheEndAlone": "adds what arrives from above at the last step alone",
    "AllZero": "Every gradient is zero",
    "RecurrentKernelNotTransposed": "da U instead of da Uᵀ",
    "RecurrentGradientTransposed": "has dU transposed",
    "CarryWithoutWeight": "carries da without u",
    "CarrySummedOverUnits": "sums the carry over the units",
    "WeightSummedOverUnits": "sums du over the units",
    "GatesSwapped": "the gradients of i and f in each other's place",
    "ForgetPathDropped": "dc f is missing",
    "ForgetPathWithoutForgetGate": "carries dc back without the forget gate f",
    "SlopeOfTheReadCellMissing": "leaves the slope 1 - tanh²(c) out of dc",
    "SlopeOfTheReadCellTooLate": "takes tanh once too often",
    "CellDeafToTheOutput": "lets c[t] hear nothing of h[t]",
    "CandidateWithSigmoidsSlope": "takes the sigmoid's slope for the candidate",
    "OutputGateReadsTheBareCell": "has c in da_o",
    "CellOffByOne": "reads c[t] in da_f",
    "CarryOfHDropped": "carries nothing back: da Uᵀ never reaches dh[t - 1]",
    "BlocksNotTransposed": "gate by gate",
    "CellsOfALaterChunkIgnored": "never adds dc_end",
    "CellsTotalWithTheOutputs": "counts in dcs[t] what c[t] does by way of h[t]",
    "UpdatePathDropped": "leaves out dh[t] z",
    "UpdateGateTheOtherWayRound": "carries dh[t] (1 - z)",
    "SignOfTheUpdateGate": "n - h[t-1] in da_z",
    "UpdateGateWithoutCandidate": "has h[t-1] in da_z",
    "CandidateWithoutUpdateGate": "leaves 1 - z out of da_n",
    "ResetGateForgotten": "never writes da_r",
    "ResetGateReadsTheCandidate": "has n in da_r",
    "ProductWithoutReset": "leaves the reset gate r out of dm",
    "ResetBeforeTheProduct": "lets r act before the product",
    "CarryOfSDropped": "leaves ds Uᵀ out of the carry",
    "RecurrentKernelFromTheInputSum": "makes dU of da",
    "InputKernelFromTheRecurrentSum": "makes dW of ds",
    "RecurrentBiasFromTheInputSum": "makes dbu of da",
    "BiasesOfTheLastStep": "dbu of the last step alone",
}
PIECES = {"rnn": museum.RNN_BUGS, "indrnn": museum.INDRNN_BUGS, "lstm": museum.LSTM_BUGS, "gru": museum.GRU_BUGS}
EVERY_PIECE = [(name, piece) for name, pieces in PIECES.items() for piece in pieces if "NeverFilled" not in str(piece)]


def functions_of(exercise, kind):
    """A layer in our protocol as two functions in the plain style."""

    def forward(xs, *rest):
        starts, parameters = rest[: len(exercise.states)], rest[len(exercise.states) :]
        layer = kind(*parameters, "tanh") if exercise.blocks == 1 else kind(*parameters)
        trace = layer.forward(xs, *starts)
        return *trace.states.values(), (layer, trace)

    def backward(dys, *rest):
        *dends, (layer, trace) = rest
        grads = layer.backward(trace, dys, *((None, *dends) if dends else ()))
        states = {f"d{name}": totals for name, totals in grads.states.items()}
        return states | {"dxs": grads.xs} | {f"d{name}": array for name, array in grads.params.arrays().items()}

    return forward, backward


@pytest.mark.parametrize(
    ("name", "piece"), one_in(10, EVERY_PIECE, first=1), ids=lambda each: getattr(each, "__name__", each)
)
def test_every_piece_of_the_museum_is_told_by_its_name(name, piece):
    answer = check(functions_of(EXERCISES[name], piece), EXERCISES[name])
    kind = next(layer for layer in ("IndRNN", "RNN", "LSTM", "GRU") if layer.lower() == name)
    assert answer.status == 1
    assert NAMES[piece.__name__.removesuffix(f"In{kind}")] in answer.advice


def test_the_museum_has_no_piece_without_a_name():
    kinds = ("InIndRNN", "InRNN", "InLSTM", "InGRU")
    names = {piece.__name__ for _, piece in EVERY_PIECE}
    for kind in kinds:
        names = {name.removesuffix(kind) for name in names}
    assert names == NAMES.keys()


def test_memory_that_nobody_has_written_to_is_wrong_and_named():
    exercise = EXERCISES["rnn"]
    text = exercise.solution.replace("dW, dU, db = np.zeros_like(W)", "dW, dU, db = np.empty_like(W)")
    answer = check(functions_in(text), exercise, text)
    assert answer.status == 1
    assert answer.diagnosis == ("dW begins with memory that was never written to (np.empty): begin with zeros.",)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("db += da.sum(axis=0)", "db += da.sum(axis=0) + 1e-3 * np.random.standard_normal(db.shape)"),
        ("    # your part", "    SEEN.append(1)\n    dys = dys * len(SEEN)"),
    ],
    ids=["random", "kept from call to call"],
)
def test_what_is_not_the_same_when_it_is_called_again_cannot_be_used(right, wrong):
    text = "SEEN = []\n" + EXERCISES["rnn"].solution.replace(right, wrong)
    with pytest.raises(UnusableError, match="does not give the same"):
        check(functions_in(text), EXERCISES["rnn"], text)


def test_of_pairs_of_mistakes_nearly_all_are_told_by_both_names():
    exercise, rng = EXERCISES["rnn"], np.random.default_rng(0)
    pairs = [pair for pair in combinations(exercise.mistakes, 2) if pair[0].right != pair[1].right]
    chosen = [pairs[index] for index in rng.choice(len(pairs), 5, replace=False)]
    told = 0
    for pair in chosen:
        answer = check(exercise.functions(*pair), exercise)
        assert answer.status == 1
        told += all(mistake.does in answer.advice for mistake in pair)
    assert told >= 4


# Right ones, written in every way that we could think of.


def scalar_loops(exercise):
    """tests/naive.py: one scalar product a line."""
    kind = {"rnn": "RNN", "indrnn": "IndRNN", "lstm": "LSTM", "gru": "GRU"}[exercise.name]
    run, back = naive.LAYERS[kind]

    def forward(xs, *rest):
        starts, parameters = rest[: len(exercise.states)], rest[len(exercise.states) :]
        numbers = {n: each.tolist() for n, each in zip(exercise.parameters, parameters, strict=True)}
        left = run(numbers | {"activation": "tanh"}, xs.tolist(), *(start.tolist() for start in starts))
        return *(np.array(left[name]) for name in exercise.states), (numbers | {"activation": "tanh"}, xs, starts)

    def backward(dys, *rest):
        *dends, (numbers, xs, starts) = rest
        later = [np.zeros_like(starts[0]), *dends]
        lists = (array.tolist() for array in (xs, *starts, dys, *later))
        grads = back(numbers, *lists)
        return {f"d{name.removeprefix('params.')}": np.array(each) for name, each in grads.items()}

    return forward, backward


def in_float32(functions):
    forward, backward = functions

    def down(value):
        return value.astype(np.float32) if isinstance(value, np.ndarray) else value

    return lambda *arrays: forward(*map(down, arrays)), lambda *arrays: backward(*map(down, arrays))


def in_other_order(functions):
    """Every array in Fortran's order, or every other number of a larger one."""
    forward, backward = functions

    def strided(value):
        return np.repeat(value, 2, axis=-1)[..., ::2] if isinstance(value, np.ndarray) else value

    def reordered(*arrays):
        returned = backward(*map(strided, arrays))
        if isinstance(returned, tuple):
            returned = dict(zip(EXERCISES["lstm"].gradients, returned, strict=True))
        return {name: np.asfortranarray(gradient) for name, gradient in returned.items()}

    return lambda *arrays: forward(*map(np.asfortranarray, arrays)), reordered


@pytest.mark.parametrize("exercise", one_in(3, EXERCISES.values()), ids=lambda exercise: exercise.name)
def test_the_same_by_another_hand_in_any_order_and_precision_is_right(exercise):
    written = functions_in(hand_written.SOLUTIONS[exercise.name])
    for functions in (written, in_float32(written), in_other_order(written), scalar_loops(exercise)):
        answer = check(functions, exercise)
        assert (answer.verdict, answer.sentence) == ("right", answer.sentence)


@pytest.mark.parametrize(
    ("name", "right", "wrong", "says"),
    one_in(
        3,
        [
            (
                "rnn",
                "dhs[t - 1] += da @ U.T",
                "dhs[t - 1] += da @ U.T if t > T - 10 else 0",
                "right up to T = 5 and wrong at",
            ),
            ("rnn", "db += da.sum(axis=0)", "db += da[-1]", "right for B = 1 and wrong for a batch"),
            ("rnn", "db += da.sum(axis=0)", "db += 1.5 * da.sum(axis=0)", "db is 1.5 times what it should be"),
            (
                "rnn",
                "dhs[t - 1] += da @ U.T",
                "dhs[t - 1] += da @ np.tril(U).T",
                "dhs alone is wrong: look at the carry",
            ),
            ("rnn", "    # your part", "    dys = dys * (abs(dys) > 1e-8)", "wrong only where the gradient vanishes"),
            (
                "rnn",
                "dU += hs[t - 1].T @ da",
                "dU += (hs[t - 1].T @ da).astype('f')",
                "7 digits are right: is something rounded",
            ),
            ("rnn", "    hs[0] = h0", "", "forward does not start from h0"),
            ("lstm", "dc * cs[t - 1] * f * (1 - f)", "dc * cs[t - 1] * f * f", "look at da_f: the slope"),
            ("lstm", "hs[t] = o * np.tanh(cs[t])", "hs[t] = o * cs[t]", "forward is wrong"),
            ("lstm", "dW += xs[t - 1].T @ da", "dW += xs[t - 1].T @ np.clip(da, -0.1, 0.1)", "dW alone is wrong"),
            ("gru", "dhs[t] += dys[t - 1]", "dys[t - 1] += dhs[t]; dhs[t] = dys[t - 1]", "backward changes dys"),
            ("indrnn", '"dhs": dhs', '"dhs": np.add(dhs, 0, out=hs)', "dhs shares its memory with hs"),
        ],
    ),
)
def test_what_no_known_mistake_gives_is_narrowed_down(name, right, wrong, says):
    text = EXERCISES[name].solution.replace(right, wrong)
    answer = check(functions_in(text), EXERCISES[name], text)
    assert answer.status == 1
    assert says in answer.advice
