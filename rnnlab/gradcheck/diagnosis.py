"""From which arrays are wrong to which line to look at: the usual ways a backward through time goes wrong."""

from rnnlab.gradcheck.verdict import Report


def diagnose(report: Report, steps: int) -> str:
    """One sentence on where to look; `steps` is T. The rules go from the most telling pattern to the least."""
    failed = [finding for finding in report.findings if finding.verdict == "failed"]
    arrays = {finding.array for finding in failed}
    times = {finding.timestep or 0 for finding in failed if finding.array == "hs"}
    if all(finding.got == 0 for finding in failed):
        return "backward gives exact zeros: is the gradient written at all?"
    parameters = [finding for finding in failed if finding.timestep is None]
    if all(finding.wanted == 0 for finding in parameters or failed):
        return "the oracle sees no effect: does forward keep complex numbers (no abs, no float(), no .real)?"
    if max(finding.error for finding in failed) < 1e-6:
        return (
            "an error this small is roundoff more often than a wrong formula: in saturated units "
            "a slope read from the output loses digits as it nears 0"
        )
    if steps in times:
        return "hs is wrong at the last step already, before any recurrence: is dhs taken as it arrives?"
    if times:
        return (
            f"hs is wrong first at timestep {max(times)}: look at the carry from dh[t] to dh[t-1] "
            "(recurrent weight transposed? slope there once? carry kept?)"
        )
    if "xs" in arrays:
        return "hs is right and xs is not: look at dx[t] = da[t] Wᵀ and which da it uses"
    return f"hs and xs are right, so look at the sum over time that collects {' and '.join(sorted(arrays))}"
