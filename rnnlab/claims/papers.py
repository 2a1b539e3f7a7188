"""The papers' numbers beside ours, with the budget of each: what was reproduced, and at what size."""

from dataclasses import dataclass

import numpy as np

from rnnlab.claims.evidence import Evidence, NotRunError
from rnnlab.experiments.recipes import longer
from rnnlab.gallery.adding_problem import SOLVED


@dataclass(frozen=True)
class Row:
    """A paper's number, and the runs of ours that come nearest to its experiment.

    Attributes:
        experiment: what was measured, in which units.
        paper: its number and its size.
        source: who measured it, and who says so where the paper itself was not read.
        ours: (recipe, variant, model).
    """

    experiment: str
    paper: str
    source: str
    ours: tuple[str, str, str]


INDRNN = "Li et al. 2018, 2019"
CITED, INDRNN_CITES = "Le et al. 2015, as Cooijmans et al. cite it", "as Li et al. 2018 cite it"
TOLD = "Le et al. 2015, from other reports of it"
MNIST = "MNIST, 28 × 28"
IN_ORDER, SHUFFLED = longer("sequential"), longer("permuted")
ROWS = (
    Row("adding, T = 150, IRNN", "solved", TOLD, ("adding", "T = 150", "IRNN")),
    Row("adding, T = 150, LSTM", "solved", TOLD, ("adding", "T = 150", "LSTM")),
    Row("adding, T = 300, IRNN", "solved", TOLD, ("adding", "T = 300", "IRNN")),
    Row("adding, T = 100, IndRNN", "solved; 2 × 128, Adam 2e-4", INDRNN, ("adding", "T = 100", "IndRNN")),
    Row("adding, T = 500, IndRNN", "solved", INDRNN, ("adding", "T = 500", "IndRNN")),
    Row("adding, T = 1000, IndRNN", "solved", INDRNN, ("adding", "T = 1000", "IndRNN")),
    Row("pixels, sequential, tanh RNN, error %", f"65.0; {MNIST}", CITED, ("pixels", IN_ORDER, "tanh RNN")),
    Row("pixels, permuted, tanh RNN, error %", f"65.0; {MNIST}", CITED, ("pixels", SHUFFLED, "tanh RNN")),
    Row("pixels, sequential, IRNN, error %", f"3.0; {MNIST}", CITED, ("pixels", IN_ORDER, "IRNN")),
    Row("pixels, permuted, IRNN, error %", f"18.0; {MNIST}", CITED, ("pixels", SHUFFLED, "IRNN")),
    Row("pixels, sequential, LSTM, error %", f"1.8; {MNIST}", INDRNN_CITES, ("pixels", "sequential", "LSTM")),
    Row("pixels, permuted, LSTM, error %", f"12; {MNIST}", INDRNN_CITES, ("pixels", "permuted", "LSTM")),
    Row("pixels, sequential, IndRNN, error %", f"1.0; {MNIST}, 6 layers", INDRNN, ("pixels", "sequential", "IndRNN")),
    Row("pixels, permuted, IndRNN, error %", f"4.0; {MNIST}, 6 layers", INDRNN, ("pixels", "permuted", "IndRNN")),
    Row(
        "characters, IndRNN, bits",
        "1.26; Penn Treebank, 6 layers of 2,000, T = 50",
        INDRNN,
        ("characters", "characters", "IndRNN"),
    ),
    Row("frames, LSTM, error %", "35.4; TIMIT, 2 layers of 250", TOLD, ("phonemes", "frames", "LSTM")),
    Row(
        "frames, IRNN of 0.01 I, error %", "35.5; TIMIT, 2 layers of 500", TOLD, ("phonemes", "frames", "IRNN, 0.01 I")
    ),
)


def ours(row: Row, evidence: Evidence) -> tuple[str, str]:
    """Our number, with the seeds' range, and what was spent on it."""
    try:
        runs = evidence.runs(*row.ours)
    except NotRunError:
        return "not run", ""
    scores = evidence.scores(*row.ours)
    if row.ours[0] == "adding":
        number = f"{int(np.sum(scores < SOLVED))} of {len(scores)} seeds below {SOLVED:g}"
    else:
        number = f"{np.median(scores):.3g}"
        if len(scores) > 1:
            number += f" ({min(scores):.3g} to {max(scores):.3g}, {len(scores)} seeds)"
    return number, f"{np.median(runs['updates']):,.0f} updates, {np.median(runs['seconds']):,.0f} s a run"
