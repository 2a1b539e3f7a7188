"""`rnnlab check FILE.py:NAME` with a PyTorch module as the reference of a backward that was written by hand."""

import pytest

from rnnlab.exercise.process import check_file

pytestmark = pytest.mark.frameworks

BY_HAND = """
import numpy as np
import torch

torch.manual_seed(0)
module = torch.nn.RNN(3, 4)


def backward(xs, dys, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0):
    hs = [np.zeros((xs.shape[1], 4))]
    for x in xs:
        hs.append(np.tanh(x @ weight_ih_l0.T + hs[-1] @ weight_hh_l0.T + bias_ih_l0 + bias_hh_l0))
    dW, dU, db, dxs, dh = 0 * weight_ih_l0, 0 * weight_hh_l0, 0 * bias_ih_l0, 0 * xs, 0
    for t in range(len(xs), 0, -1):
        da = (dys[t - 1] + dh) * (1 - hs[t] ** 2)
        dW += da.T @ xs[t - 1]
        dU += da.T @ hs[t - 1]
        db += da.sum(axis=0)
        dxs[t - 1] = da @ weight_ih_l0
        dh = da @ weight_hh_l0
    return {"dxs": dxs, "dweight_ih_l0": dW, "dweight_hh_l0": dU, "dbias_ih_l0": db, "dbias_hh_l0": db}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "status", "says"),
    [
        ("", "", 0, "Every gradient is that of PyTorch's module in all 4 cases"),
        ("dh = da @ weight_hh_l0\n", "dh = da @ weight_hh_l0.T\n", 1, "dweight_hh_l0"),
        ("dU += da.T @ hs[t - 1]", "dU += da.T @ hs[t]", 1, "Dweight_hh_l0 differ"),
        ('"dbias_hh_l0": db', '"dbias": db', 2, "must return a dictionary with dbias_hh_l0 (4,) in it"),
    ],
)
def test_a_backward_by_hand_is_held_against_pytorchs(right, wrong, status, says, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(BY_HAND.replace(right, wrong) if right else BY_HAND, encoding="utf-8")
    answer = check_file(path, "module")
    assert (answer.status, says in answer.sentence) == (status, True), answer
