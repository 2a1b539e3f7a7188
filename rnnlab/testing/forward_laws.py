"""What every forward obeys: a law takes a case, and raises LawError where the layer does not keep to it."""

import numpy as np

from rnnlab.testing.cases import Case, gradients_by_name, results, trace_of
from rnnlab.testing.closeness import largest, require, require_close, same_bits


def results_have_the_shapes_of_the_protocol(case: Case) -> None:
    """ys (T, B, …) and every state (T+1, B, …), from the starts given to `ends`; gradients like what they are of."""
    trace = case.forward()
    gradients = case.backward(trace)
    require(trace.ys.shape[:2] == (case.T, case.B), f"ys must be (T, B, …) = {case.T, case.B}; got {trace.ys.shape}")
    for name, start, end, given in zip(case.layer.carries, trace.starts, trace.ends, case.starts, strict=True):
        states = trace.states[name]
        same_bits({name: states[0]}, {name: given}, "at step 0, which is the start that was given")
        same_bits({name: start}, {name: states[0]}, "in trace.starts, which are the states before the first step")
        same_bits({name: end}, {name: states[-1]}, "in trace.ends, which are the states after the last step")
    wanted = {name: array.shape for name, array in case.layer.arrays().items()}
    got = {name: array.shape for name, array in gradients.params.arrays().items()}
    require(got == wanted, f"the gradients of the parameters must be {wanted}; got {got}")
    shape = np.shape(gradients.xs) if gradients.xs is not None else None
    require(shape == case.xs.shape, f"the gradient of xs must be {case.xs.shape}; got {shape}")
    for name, start in zip(case.layer.carries, gradients.dstarts, strict=True):
        same_bits({name: start}, {name: gradients.states[name][0]}, "in dstarts, which are the totals at step 0")


def what_is_not_given_is_zero(case: Case) -> None:
    """Without starts a run begins with zeros, and without dends nothing comes back from later."""
    starts, dends = (tuple(map(np.zeros_like, arrays)) for arrays in (case.starts, case.dends))
    with_zeros, without = case.layer.forward(case.xs, *starts), case.layer.forward(case.xs)
    same_bits(trace_of(without), trace_of(with_zeros), "when no start is given, which means zeros")
    back = [gradients_by_name(case.layer.backward(with_zeros, case.dys, *late)) for late in (dends, ())]
    same_bits(back[1], back[0], "when no dends are given, which means zeros")


def an_input_alters_no_earlier_state(case: Case) -> None:
    """Causality: x[t] does not reach h[t-1], bit for bit."""
    t = 1 + case.seed % case.T
    changed = case.xs.copy()
    changed[t - 1] += 1.5
    before, after = case.forward(), case.layer.forward(changed, *case.starts)
    why = f"after x[{t}] was changed, which comes later"
    same_bits({"ys": after.ys[: t - 1]}, {"ys": before.ys[: t - 1]}, why)
    for name, states in before.states.items():
        same_bits({name: after.states[name][:t]}, {name: states[:t]}, why)


def two_chunks_run_as_the_whole(case: Case) -> None:
    """A run that goes on from where an earlier one ended is the rest of it."""
    cut = case.T // 2
    if cut == 0:
        return
    whole = case.forward()
    first = case.steps(0, cut, *case.starts).forward()
    second = case.steps(cut, case.T, *first.ends).forward()
    joined = {"trace.ys": np.concatenate([first.ys, second.ys])}
    for name, states in first.states.items():
        joined[f"trace.{name}"] = np.concatenate([states, second.states[name][1:]])
    require_close(case, joined, trace_of(whole), within=1e-14, scale=largest(*trace_of(whole).values()))


def each_sequence_runs_as_it_would_alone(case: Case) -> None:
    """The sequences of a batch do not see each other, and their order does not matter."""
    whole = trace_of(case.forward())
    alone = [trace_of(case.sequences([s]).forward()) for s in range(case.B)]
    joined = {name: np.concatenate([run[name] for run in alone], axis=1) for name in whole}
    require_close(case, joined, whole, within=1e-14, scale=largest(*whole.values()))


def complex_numbers_without_imaginary_part_change_nothing(case: Case) -> None:
    """Forward is holomorphic: in complex128 it gives the same numbers, with imaginary parts of zero."""
    real, wide = trace_of(case.forward()), trace_of(case.at(np.complex128).forward())
    for name, array in wide.items():
        require(array.dtype == np.complex128, f"{name} must be complex128 where what goes in is; got {array.dtype}")
        require(not array.imag.any(), f"{name} has an imaginary part, and nothing that goes in has one")
    same = {name: array.real for name, array in wide.items()}
    require_close(case, same, real, within=1e-14, scale=largest(*real.values()))


def float32_agrees_with_float64(case: Case) -> None:
    """The states in float32 are those in float64, to the digits that there are."""
    wide, narrow = trace_of(case.forward()), trace_of(case.at(np.float32).forward())
    require_close(case, narrow, wide, within=2e-6, scale=largest(*wide.values()), eps=float(np.finfo(np.float32).eps))


def every_result_has_the_dtype_of_the_layer(case: Case) -> None:
    """float32 in, float32 out; the same in float64."""
    for dtype in (np.float32, np.float64):
        for name, array in results(case.at(dtype)).items():
            require(array.dtype == dtype, f"{name} must be {np.dtype(dtype)} like what goes in; got {array.dtype}")


def a_run_gives_the_same_bits_again(case: Case) -> None:
    """Nothing is kept from run to run: not after another run between the two, which changes no earlier result."""
    first = results(case)
    kept = {name: array.copy() for name, array in first.items()}
    results(case.with_each(lambda array: array / 2))
    same_bits(first, kept, "after another run, which wrote into a result of the first")
    same_bits(results(case), kept, "when the same run is repeated")


def nothing_given_is_changed(case: Case) -> None:
    """Neither forward nor backward writes into parameters, inputs, starts, what arrives from above, or the trace."""
    copies = [array.copy() for array in case.given]
    trace = case.forward()
    run = {name: array.copy() for name, array in trace.arrays().items()}
    case.backward(trace)
    case.backward(trace)
    same_bits(trace.arrays(), run, "in the trace after backward, which must leave it as it was")
    names = [*case.layer.arrays(), "xs", *(f"start of {name}" for name in case.layer.carries), "dys"]
    names += [f"dend of {name}" for name in case.layer.carries]
    now, before = (dict(zip(names, arrays, strict=True)) for arrays in (case.given, copies))
    same_bits(now, before, "after a run, which must leave what it is given as it was")


def results_share_no_memory_with_what_was_given(case: Case) -> None:
    """What is written into a result later changes neither the layer, nor its inputs, nor the trace."""
    trace = case.forward()
    made = trace_of(trace)
    for name, array in made.items():
        require(not any(np.may_share_memory(array, old) for old in case.given), f"{name} is a view of what was given")
    ends = {f"trace.ends[{number}]": end for number, end in enumerate(trace.ends)}
    old = (*case.given, *trace.arrays().values())
    gradients = gradients_by_name(case.backward(trace))
    for name, array in {**ends, **gradients}.items():
        require(not any(np.may_share_memory(array, each) for each in old), f"{name} is a view of what was given")
