"""Blocks of steps and blocks of gates: what the layers' products stand on, where no layer would show a slip."""

import numpy as np
import pytest

from rnnlab.affine import ROWS, backwards, blocks, by_gate, project_back


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("B", [1, ROWS // 2, ROWS, 3 * ROWS])
def test_the_room_for_das_has_the_dtype_and_the_size_of_its_block(dtype, B):
    xs, seen = np.zeros((5, B, 2), dtype), []
    for block, das in backwards(xs, width=3):
        assert das.dtype == dtype
        assert das.shape == (block.stop - block.start, B, 3)
        seen.extend(reversed(range(block.start, block.stop)))
    assert seen == [4, 3, 2, 1, 0]
    assert max(block.stop - block.start for block in blocks(xs)) == min(5, max(1, ROWS // B))


@pytest.mark.parametrize("before", [(), (4,), (4, 5)])
def test_the_gates_come_before_the_batch_whatever_axes_come_before_both(before):
    array = np.arange(np.prod(before, dtype=int) * 2 * 6.0).reshape(*before, 2, 6)
    gates = by_gate(array, 3)
    assert gates.shape == (*before, 3, 2, 2)
    for gate in range(3):
        np.testing.assert_array_equal(gates[..., gate, :, :], array[..., 2 * gate : 2 * gate + 2])
    assert np.shares_memory(gates, array)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_gradients_of_a_projection_whatever_the_order_of_the_inputs_in_memory(order):
    rng = np.random.default_rng(0)
    xs, W, das = rng.standard_normal((4, 3, 2)), rng.standard_normal((2, 5)), rng.standard_normal((4, 3, 5))
    dW, db, dxs = project_back(np.array(xs, order=order), W, das)
    # Sums of at most 12 products of numbers around 1.
    np.testing.assert_allclose(dW, np.einsum("tbd,tbn->dn", xs, das), atol=1e-14)
    np.testing.assert_allclose(db, np.einsum("tbn->n", das), atol=1e-14)
    np.testing.assert_allclose(dxs, np.einsum("tbn,dn->tbd", das, W), atol=1e-14)
