"""All laws by name, those that some layers need not obey, and the class of tests that tries them on a layer."""

from collections.abc import Callable, Mapping
from unittest import SkipTest

from hypothesis import example, given, settings

from rnnlab.testing import backward_laws as backward
from rnnlab.testing import forward_laws as forward
from rnnlab.testing.cases import Case, Make, case, cases

Law = Callable[[Case], None]

LAWS: dict[str, Law] = {
    law.__name__: law
    for law in (
        forward.results_have_the_shapes_of_the_protocol,
        forward.what_is_not_given_is_zero,
        forward.every_result_has_the_dtype_of_the_layer,
        forward.nothing_given_is_changed,
        forward.results_share_no_memory_with_what_was_given,
        forward.a_run_gives_the_same_bits_again,
        forward.an_input_alters_no_earlier_state,
        forward.two_chunks_run_as_the_whole,
        forward.each_sequence_runs_as_it_would_alone,
        forward.float32_agrees_with_float64,
        forward.complex_numbers_without_imaginary_part_change_nothing,
        backward.nothing_from_above_gives_zeros,
        backward.backward_is_linear,
        backward.what_arrives_from_above_alters_no_later_gradient,
        backward.what_a_later_chunk_sends_back_is_added_to_the_last_state,
        backward.two_chunks_go_back_as_the_whole,
        backward.each_sequence_goes_back_as_it_would_alone,
        backward.backward_is_the_adjoint_of_the_derivative,
        backward.backward_is_the_adjoint_of_finite_differences,
        backward.backward_agrees_with_the_complex_step,
        backward.backward_agrees_with_finite_differences,
    )
}

FEW = "backward_agrees_with_finite_differences"
"""The law that takes a second for a few cases: it is tried on one in twelve."""


def _without(*names: str, because: str) -> dict[str, str]:
    return dict.fromkeys(names, because)


NOT_HOLOMORPHIC = _without(
    "complex_numbers_without_imaginary_part_change_nothing",
    "backward_is_the_adjoint_of_the_derivative",
    "backward_agrees_with_the_complex_step",
    because="forward takes no complex numbers; finite differences look at it instead",
)
COUPLED_BATCH = _without(
    "each_sequence_runs_as_it_would_alone",
    "each_sequence_goes_back_as_it_would_alone",
    because="the sequences of a batch depend on each other",
)
ABSOLUTE_TIME = _without(
    "two_chunks_run_as_the_whole",
    "two_chunks_go_back_as_the_whole",
    "backward_is_the_adjoint_of_the_derivative",
    because="a step depends on its number t, so a run cannot begin in the middle",
)


def laws(make: Make, *, without: Mapping[str, str] | None = None) -> type:
    """A class with one test for each law, for pytest to find: `TestMine = laws(Mine.init)`.

    Args:
        make: gives a layer, `make(rng, inputs=D, hidden=H)`: a class method `init`, or a function.
        without: the laws that this layer need not obey, each with the reason, which the skipped test shows.
            NOT_HOLOMORPHIC, COUPLED_BATCH and ABSOLUTE_TIME are such tables; join them with |.

    Raises:
        ValueError: `without` names what is no law.
        TypeError: what `make` gives is not a layer.
    """
    reasons = dict(without or {})
    unknown = [name for name in reasons if name not in LAWS]
    if unknown:
        raise ValueError(f"without must name laws; {', '.join(unknown)} is none: they are {', '.join(LAWS)}")
    tests = {f"test_{name}": staticmethod(_test(make, law, reasons.get(name))) for name, law in LAWS.items()}
    return type("Laws", (), {"__doc__": "Every law, tried on one kind of layer.", **tests})


def _test(make: Make, law: Law, reason: str | None) -> Callable[[], None]:
    if reason is not None:

        def skipped() -> None:
            raise SkipTest(reason)

        return skipped
    often = settings().max_examples

    @settings(deadline=None, max_examples=max(3, often // 12) if law.__name__ == FEW else often)
    @example(case=case(make, T=1, B=1, D=3, H=2))
    @given(case=cases(make))
    def test(case: Case) -> None:
        law(case)

    test.__doc__ = law.__doc__
    return test
