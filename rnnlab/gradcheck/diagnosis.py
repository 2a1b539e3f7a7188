"""From the arrays that are wrong to the line to look at: the usual mistakes in a backward through time."""

from rnnlab.gradcheck.verdict import Finding, Report


def diagnose(report: Report, worst: Finding, steps: int) -> str:
    """Where to look in the layer of the worst finding, by the most telling pattern in the report; `steps` is T."""
    nothing_else = "and does a step depend on nothing else (not on t, nor on other sequences)?"
    if worst.whole is not None:
        together = "are the layers combined correctly"
        return f"every step is right by itself, but not the first {worst.whole} as a whole: {together}, {nothing_else}"
    layer = worst.array.removesuffix(worst.array.rpartition(".")[2]).removesuffix("trace.")
    failed = [f for f in report.findings if f.verdict == "failed" and f.whole is None and f.array.startswith(layer)]
    names = dict.fromkeys(f.array.removeprefix(layer) for f in failed)
    parameters = [f for f in failed if f.timestep is None]
    states = [f for f in failed if f.timestep is not None and f.array != f"{layer}xs"]
    if any(name.startswith("trace.") for name in names):
        return f"one step from the trace's own states does not lead to the trace: is each kept as is, {nothing_else}"
    if all(f.got == 0 for f in failed):
        return "backward gives exact zeros: is the gradient written at all, or cut off where it is small?"
    if all(f.wanted == 0 for f in parameters or failed):
        return "the oracle sees no effect: does forward keep complex numbers (no abs, no float(), no .real)?"
    if max(f.error for f in failed) < 1e-6:
        return "an error this small is roundoff more often than a wrong formula: are nearly equal numbers subtracted?"
    if states:
        latest = max(states, key=lambda f: f.timestep or 0)
        name, t = latest.array.removeprefix(layer), latest.timestep
        if t == steps:
            return f"{name} is wrong at the last step already, before any recurrence: is what arrives added once?"
        if len(names) > 1:
            others = ", ".join(other for other in names if other != name)
            look = f"{others} with it: look at da[t], which they share (slope there once? the right state?)"
        else:
            look = f"nothing else is, given {name}: look at the carry (transposed? slope there once? kept at all?)"
        return f"{name} is wrong first at timestep {t}, and {look}"
    if "xs" in names:
        return "the states are right and xs is not: look at dx[t] = da[t] Wᵀ and which da it uses"
    return f"states and inputs are right, so look at the sum over time that collects {' and '.join(sorted(names))}"
