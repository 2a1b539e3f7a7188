"""From the arrays that are wrong to the line to look at: the usual mistakes in a backward through time."""

from collections.abc import Iterable

from rnnlab.gradcheck.verdict import SIX_DIGITS, Finding, Report


def diagnose(report: Report, worst: Finding, steps: int) -> str:
    """Where to look in the layer of the worst finding, by the most telling pattern in the report; `steps` is T."""
    if worst.whole is not None:
        return _of_a_whole(report, worst.whole)
    layer = worst.array.removesuffix(worst.array.rpartition(".")[2]).removesuffix("trace.")
    failed = [f for f in report.findings if f.verdict == "failed" and f.whole is None and f.array.startswith(layer)]
    if any(f.again for f in failed):
        return "a second call gives something else: is anything kept between calls, drawn at random, or left unset?"
    names = dict.fromkeys(f.array.removeprefix(layer) for f in failed)
    parameters = [f for f in failed if f.timestep is None]
    states = [f for f in failed if f.timestep is not None and f.array != f"{layer}xs"]
    wrong = " and ".join(sorted(names))
    if any(f.of_trace for f in failed):
        return (
            "one step from the trace's own states does not lead to the trace, and forward over fewer steps gives "
            "other states: is each kept as is, and nothing drawn?"
        )
    if all(f.wanted == 0 for f in parameters or failed):
        return "the oracle sees no effect: does forward keep complex numbers (no abs, no float(), no .real)?"
    if states:
        text = _of_states(states, names, layer, steps)
    elif "xs" in names:
        text = "the states are right and xs is not: look at dx[t] = da[t] Wᵀ and which da it uses"
    elif all(f.got == 0 for f in failed):
        text = f"{wrong}: exact zeros, and all else is right. Is the sum added up, or cut to zero where it is small?"
    else:
        text = f"states and inputs are right, so look at the sum over time that collects {wrong}"
    if max(f.error for f in failed) < SIX_DIGITS:
        text += (
            "\nThe error is small, but roundoff was allowed for: is a constant rounded, an epsilon added, or float32 "
            "used on the way?"
        )
    return text


def _of_a_whole(report: Report, steps: int) -> str:
    """Every step is right by itself, or no step can be looked at by itself."""
    if report.note:
        return f"{report.note} Which step is wrong is not known: try T = 1, then T = 2."
    wrong = [f for f in report.findings if f.verdict == "failed"]
    if all(f.array != "xs" and not f.array.endswith(" at the start") for f in wrong):
        names = sorted({f.array for f in wrong})
        return (
            f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} right from a start of zeros and wrong from "
            "another: is the start left out of a sum over time?"
        )
    return f"every step is right by itself, but not the first {steps} as a whole: are the layers combined correctly?"


def _of_states(states: list[Finding], names: Iterable[str], layer: str, steps: int) -> str:
    """The carry from the latest wrong state on, or what arrives there."""
    latest = max(states, key=lambda f: f.timestep or 0)
    name, t = latest.array.removeprefix(layer), latest.timestep or 0
    others = ", ".join(other for other in names if other != name)
    zero, reached = all(f.got == 0 for f in states), steps - t - 1
    if t == steps:
        if zero:
            return f"{name} is exactly zero at the last step already: is the gradient written at all?"
        return f"{name} is wrong at the last step already, before any recurrence: is what arrives added once?"
    if others:
        look = f"{others} with it: look at da[t], which they share (slope there once? the right state?)"
    elif zero:
        look = f"exactly zero: is the carry {f'cut off after {reached} steps' if reached else 'kept at all'}?"
    else:
        look = f"nothing else is, given {name}: look at the carry (transposed? slope there once? kept at all?)"
        look += f". It is right at {reached} steps: is it cut off after them?" if reached > 1 else ""
    return f"{name} is wrong first at timestep {t}, and {look}"
