"""What the survey claims of the IndRNN, C18."""

import numpy as np

from rnnlab.claims.claim import RERUN, Claim, Numbers
from rnnlab.claims.evidence import Evidence, NotRunError
from rnnlab.claims.verdict import Verdict, of_parts
from rnnlab.experiments.results.ends import SOLVED

RIVALS = ("tanh RNN", "ReLU RNN", "LSTM", "GRU")
CONTESTS = {
    "pixels, sequential": ("pixels", "sequential"),
    "pixels, permuted": ("pixels", "permuted"),
    "characters": ("characters", "characters"),
    "phonemes": ("phonemes", "frames"),
}


def c18(evidence: Evidence) -> Numbers:
    range_ = evidence.table("indrnn_range").where(steps=2000.0)
    adding, stacks = (evidence.all_runs.where(recipe=recipe) for recipe in ("adding", "stacks"))
    depths = sorted(int(variant.split()[0]) for (variant,) in stacks.each("variant"))
    lengths = [variant for (variant,) in adding.where(model="IndRNN").each("variant")]
    if not lengths or not depths:
        raise NotRunError("the IndRNN has not been run on the adding problem and in stacks")
    solved = np.concatenate([evidence.scores("adding", variant, "IndRNN") < SOLVED for variant in lengths])
    kin = [evidence.all_runs.where(model=name) for (name,) in evidence.all_runs.each("model") if "IndRNN" in name]
    numbers = {
        "gradient at u = ε^(1/T), T = 2000": float(range_.only("gradient", kind="epsilon")),
        "gradient at u = γ^(1/T), T = 2000": float(range_.only("gradient", kind="gamma")),
        "share of adding runs solved": float(np.mean(solved)),
        "runs diverged": float(sum(np.sum(rows["status"] == "diverged") for rows in kin)),
        "deepest": float(depths[-1]),
        "IndRNN, 1 layer": evidence.score("stacks", "1 layers", "IndRNN"),
        "IndRNN residual, 2 layers": evidence.score("stacks", "2 layers", "IndRNN residual"),
    }
    for name in ("IndRNN", "IndRNN residual", "IndRNN residual, batch norm", "tanh RNN", "tanh RNN residual"):
        numbers[f"{name}, deepest"] = evidence.score("stacks", f"{depths[-1]} layers", name)
    until = {model: evidence.updates_until("adding_problem", "T = 400", model, SOLVED) for model in ("IndRNN", *RIVALS)}
    numbers["updates to solve adding, T = 400"] = until.pop("IndRNN")
    numbers["of the best rival"] = min(until.values())
    for contest, (recipe, variant) in CONTESTS.items():
        rivals = min(evidence.score(recipe, variant, rival) for rival in RIVALS)
        numbers[f"score over the best rival's: {contest}"] = evidence.score(recipe, variant, "IndRNN") / rivals
    return numbers


def c18_rule(n: Numbers) -> Verdict:
    low, high = n["gradient at u = ε^(1/T), T = 2000"], n["gradient at u = γ^(1/T), T = 2000"]
    stacked = min(n["IndRNN residual, deepest"], n["IndRNN residual, batch norm, deepest"])
    return of_parts(
        {
            "on an active path u in its range keeps the gradient within a factor of two": low >= 0.5 * (1 - 1e-9)
            and high <= 2 * (1 + 1e-9),
            "it trains robustly with ReLU: every adding run solved, none diverged anywhere": n[
                "share of adding runs solved"
            ]
            == 1
            and n["runs diverged"] == 0,
            "the deepest stack without shortcuts is better than one layer": n["IndRNN, deepest"] < n["IndRNN, 1 layer"],
            "the deepest with shortcuts is better than two layers": stacked < n["IndRNN residual, 2 layers"],
            "without shortcuts it is better than a tanh RNN as deep": n["IndRNN, deepest"] < n["tanh RNN, deepest"],
            "with shortcuts it is better than a tanh RNN as deep": stacked < n["tanh RNN residual, deepest"],
            "it beats RNN, LSTM and GRU on adding, T = 400, by updates": n["updates to solve adding, T = 400"]
            < n["of the best rival"],
            **{
                f"it beats RNN, LSTM and GRU on {contest}": n[f"score over the best rival's: {contest}"] < 1
                for contest in CONTESTS
            },
        }
    )


C18 = Claim(
    "C18",
    "IndRNN solves vanishing and exploding, trains robustly with ReLU, stacks very deep, beats RNN, LSTM and GRU",
    c18,
    c18_rule,
    "every run counts; medians of the seeds; on each task against the best of tanh RNN, ReLU RNN, LSTM and GRU, on "
    "the adding problem by the updates until the error is first under 0.01",
    RERUN.format("indrnn_range adding_problem pixel_digits character_model phoneme_frames deep_stacks"),
    recorded=True,
)


CLAIMS = (C18,)
