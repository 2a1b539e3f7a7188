"""The phase diagram: the largest Lyapunov exponent over recurrent gain and input, and Pascanu's bound beside it."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab import flow, initializers
from rnnlab.arrays import Array
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Hidden, Inputs, Knob, Seeds, checked, setting, spread, with_knobs
from rnnlab.layers import RNN, IndRNN
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

TITLE = "Where the gradient vanishes, and where it explodes"
PANELS = {"tanh": "tanh", "relu": "ReLU", "sigmoid": "sigmoid"}
NEURONS = {
    "ReLU, no input": ("relu", 0.0, looks.ACTIVATIONS["relu"].color, "s"),
    "ReLU, x[t] ~ N(0, 1)": ("relu", 1.0, looks.SKY, "^"),
    "tanh, x[t] ~ N(0, 1)": ("tanh", 1.0, looks.ACTIVATIONS["tanh"].color, "o"),
}
LIMIT = 2.0
"""Where the colours end, in nats per step."""
LOST = -3.0
"""Where an exponent of -∞ is marked."""


@checked
def compute(
    *,
    seeds: Seeds = 5,
    steps: Annotated[int, Knob("T, the length of a sequence", "timesteps", 1, 150)] = 80,  # beyond it ReLU overflows
    discard: Annotated[int, Knob("of the T, left out before the exponent is measured", "timesteps", 0)] = 20,
    hidden: Hidden = 50,
    inputs: Inputs = 8,
    gains: Annotated[int, Knob("recurrent gains on the map", "gains", 1)] = 15,
    scales: Annotated[int, Knob("scales of the input on the map", "scales", 1)] = 7,
    neurons: Annotated[int, Knob("of the IndRNN, all with the same u", "neurons", 1)] = 10,
) -> Table:
    """Runs of `steps` steps, the exponent over those after the first `discard`.

    RNN: U ~ N(0, gain² / H), so that its eigenvalues fill a disc of radius `gain`; W glorot_uniform, x[t] ~ N(0,
    scale²), h0 = 0. IndRNN: `neurons` neurons with one and the same u, from h0 = 1, the largest of their exponents.

    Returns:
        part ("rnn" or "indrnn"); name, the activation or the IndRNN's run; gain (u, for IndRNN); scale; exponent, the
        largest, median of the seeds, nats per step, -∞ where every path is cut; spread, its standard deviation; bound,
        Pascanu's γ σ_max(U), median. Besides: seeds, steps, discard, hidden, inputs, neurons.
    """
    rows: list[tuple[str | float, ...]] = []
    sizes = np.geomspace(0.01, 10, scales)
    for activation in PANELS:
        for gain in np.geomspace(0.25, 32, gains):
            exponents, bounds = [], []
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                U = initializers.get("random_normal", stddev=gain / np.sqrt(hidden))
                layer = RNN.init(rng, inputs=inputs, hidden=hidden, activation=activation, recurrent_initializer=U)
                xs = rng.standard_normal((steps, 1, inputs)) * sizes[:, None]  # a sequence of the batch for each
                exponents.append(flow.lyapunov_exponents(layer, xs, count=1, discard=discard)[:, 0])
                bounds.append(flow.pascanu_bound(layer))
            median, bound = np.median(exponents, axis=0), float(np.median(bounds))
            spreads = [spread(one) for one in np.transpose(exponents)]
            rows += [
                ("rnn", activation, float(gain), float(size), float(median[i]), spreads[i], bound)
                for i, size in enumerate(sizes)
            ]
    for name, (activation, scale, *_) in NEURONS.items():
        for u in np.linspace(-1.5, 1.5, 31):
            rng = np.random.default_rng(0)
            start = IndRNN.init(rng, inputs=inputs, hidden=neurons, activation=activation)
            indrnn = IndRNN(start.W, np.full(neurons, u), start.b, start.activation)
            xs, h0 = scale * rng.standard_normal((steps, 1, inputs)), np.ones((1, neurons))
            exponent = float(flow.lyapunov_exponents(indrnn, xs, h0, discard=discard)[0, 0])
            rows.append(("indrnn", name, float(u), scale, exponent, np.nan, flow.pascanu_bound(indrnn)))
    table = Table.of("part name gain scale exponent spread bound", rows)
    knobs = {"seeds": seeds, "steps": steps, "discard": discard, "hidden": hidden, "inputs": inputs, "neurons": neurons}
    return with_knobs(table, **knobs)


@page.styled
def draw(table: Table) -> "Figure":
    """Three heatmaps, orange where it vanishes and purple where it explodes, and IndRNN's exponent over u."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    figure, axes = page.page(2, 2, height=7.6, width=7)
    *maps, curve = axes
    norm = Normalize(-LIMIT, LIMIT)
    for (activation, title), ax in zip(PANELS.items(), maps, strict=True):
        _heatmap(ax, table.where(part="rnn", name=activation), norm)
        ax.set(xlabel="recurrent gain g, U ~ N(0, g²/H)", ylabel="scale of the input")
        page.headline(ax, f"{title}: {_where(table.where(part='rnn', name=activation))}", 3.0)
    where: Any = {"location": "bottom", "shrink": 0.8, "aspect": 50, "extend": "both"}
    bar = figure.colorbar(ScalarMappable(norm, "PuOr"), ax=axes, **where)
    bar.set_label("maps: largest Lyapunov exponent λ, nats per step; hatched: it vanishes, but the bound is silent")
    for place, (name, (_, _, color, marker)) in enumerate(NEURONS.items()):
        rows = table.where(part="indrnn", name=name)
        alive = np.isfinite(rows["exponent"])
        style: dict[str, Any] = {"color": color, "ls": "none", "ms": 4}
        curve.plot(rows["gain"][alive], rows["exponent"][alive], marker=marker, mfc="white", label=name, **style)
        gone = rows["gain"][~alive]
        curve.plot(gone, np.full(len(gone), LOST - 0.2 * place), marker="v", **style)
    page.label(curve, 1.6, LOST + 0.5, "▼ −∞: all paths cut", looks.BLACK, ha="right", fontsize=SMALL)
    u = np.linspace(0.05, 1.5, 200)
    for side in (-1, 1):
        curve.plot(side * u, np.log(u), color=looks.GREY, lw=1, zorder=1, label="log |u|" if side > 0 else None)
    curve.axhline(0, color=looks.BLACK, lw=0.8)
    curve.set(xlabel="recurrent weight u", ylabel="largest exponent λ", ylim=(-3.7, 3.9))
    page.headline(curve, f"IndRNN: {_cut(table)}", 3.0)
    curve.legend(loc="upper center", fontsize=SMALL, labelspacing=0.2)
    return figure


def _heatmap(ax: "Axes", rows: Table, norm: "Normalize") -> None:
    """The exponents, the line where they are 0, and the gain below which Pascanu's bound says that they must be < 0."""
    gains, scales = np.unique(rows["gain"]), np.unique(rows["scale"])
    exponents = rows["exponent"].reshape(len(gains), len(scales)).T
    ax.pcolormesh(_edges(gains), _edges(scales), exponents, cmap="PuOr", norm=norm, rasterized=True)
    finite = exponents[np.isfinite(exponents)]
    if finite.min(initial=0) < 0 < finite.max(initial=0):
        zeros = np.repeat([_critical(rows, scale) for scale in scales], 2)
        sides = np.stack([_edges(scales)[:-1], _edges(scales)[1:]], axis=1).ravel()
        inside = (zeros > 0) & np.isfinite(zeros)
        ax.plot(zeros[inside], sides[inside], color=looks.BLACK, lw=1.6)
    sufficient = _sufficient(rows)
    for scale, low, high in zip(scales, *(_edges(scales)[part] for part in (slice(-1), slice(1, None))), strict=True):
        last = min(_critical(rows, scale), _edges(gains)[-1])
        if last > sufficient:  # from the bound's end to λ = 0, row by row
            ax.fill_between([sufficient, last], low, high, facecolor="none", edgecolor=looks.BLACK, hatch="///", lw=0)
    ax.axvline(sufficient, color=looks.BLACK, ls="--", lw=1)
    beside: Any = {"rotation": 90, "ha": "right", "va": "bottom", "fontsize": SMALL}
    page.label(ax, sufficient * 0.93, scales[0] * 0.8, "γ σ$_{max}$(U) = 1", looks.BLACK, **beside)
    beside_line = scales[max(0, len(scales) - 2)]
    if (exponents < 0).any():
        page.label(ax, gains[0] * 0.9, beside_line, "vanishes", looks.BLACK, fontsize=SMALL)
    if (exponents > 0).any():
        page.label(ax, gains[-1] * 1.1, scales[len(scales) // 3], "explodes", looks.BLACK, ha="right", fontsize=SMALL)
    ax.set(xscale="log", yscale="log")
    ax.set_xticks([0.25, 0.5, 1, 2, 4, 8, 16, 32], ["¼", "½", "1", "2", "4", "8", "16", "32"])
    ax.minorticks_off()
    ax.grid(visible=False)


def _where(rows: Table) -> str:
    """Up to which gain it vanishes, with the smallest and the largest input, and up to which the bound says so."""
    scales = np.unique(rows["scale"])
    critical = _critical(rows, scales[0])
    most = _critical(rows, scales[-1])
    if critical == 0 or np.isinf(critical):
        ends = "at no g" if critical == 0 else "at every g"
    elif np.isinf(most) or most <= 1.05 * critical:
        ends = f"up to g = {critical:.2g}"
    else:
        ends = f"up to g = {critical:.2g} to {most:.2g}, by input"
    return f"vanishes {ends}; bound: {_sufficient(rows):.2g}"


def _cut(table: Table) -> str:
    """Below which u an input cuts every path."""
    driven = table.where(part="indrnn", name="ReLU, x[t] ~ N(0, 1)")
    free = driven["gain"][np.isfinite(driven["exponent"])]
    return f"inputs cut every ReLU path below u = {free.min():.1f}" if len(free) else "inputs cut every ReLU path"


def _edges(centres: Array) -> Array:
    """The borders between cells whose centres these are, on a logarithmic scale."""
    step = centres[1] / centres[0] if len(centres) > 1 else 2.0
    edges: Array = np.append(centres, centres[-1] * step) / np.sqrt(step)
    return edges


def _sufficient(rows: Table) -> float:
    """The gain at which γ σ_max(U) = 1."""
    return float(np.median(rows["gain"] / rows["bound"]))


def _critical(rows: Table, scale: float) -> float:
    """The gain at which the exponent passes 0 for good; 0 if it is never below 0, infinite if it ends there."""
    part = rows.where(scale=scale)
    negative = np.flatnonzero(part["exponent"] < 0)
    if not len(negative):
        return 0.0
    below = int(negative[-1])
    if below + 1 == len(part):
        return np.inf
    step = slice(below, below + 2)
    return float(np.exp(np.interp(0, part["exponent"][step], np.log(part["gain"][step]))))


def caption(table: Table) -> str:
    rnn = table.where(part="rnn")
    maps = {name: rnn.where(name=name) for name in PANELS}
    scales, gains = np.unique(rnn["scale"]), np.unique(rnn["gain"])

    def gain(value: float) -> str:
        return f"above {gains[-1]:g}" if np.isinf(value) else f"below {gains[0]:g}" if value == 0 else f"{value:.2g}"

    def edge(name: str) -> str:
        ends = dict.fromkeys((scales[0], scales[-1]))
        return " to ".join(f"{gain(_critical(maps[name], scale))} (input {scale:g})" for scale in ends)

    covered = rnn["bound"] < 1
    slack = np.log(rnn["bound"])[covered] - rnn["exponent"][covered]
    obeyed = "it does" if (rnn["exponent"][covered] < 0).all() else "NOT everywhere does it"
    slack = slack[np.isfinite(slack)]
    must = f"; {obeyed}, faster than the bound by at least {slack.min():.2f} nats a step" if len(slack) else ""
    relu = maps["relu"]
    alive = relu["exponent"].reshape(len(gains), -1)
    alive = alive[np.isfinite(alive).all(axis=1)]
    alike = f" (λ differs by {np.ptp(alive[-1]):.1g})" if len(alive) else ""
    still, driven, tanh = (table.where(part="indrnn", name=name) for name in NEURONS)
    positive = still["gain"] > 1e-9
    exact = float(np.abs(still["exponent"][positive] - np.log(still["gain"][positive])).max())
    free = driven["gain"][np.isfinite(driven["exponent"])]
    cut = f"for every u below {free.min():.1f}" if len(free) else "for every u"
    bound = _sufficient(maps["tanh"])
    return captions.told(
        captions.finding(
            f"With tanh the gradient vanishes up to g = {edge('tanh')}; the bound says so to {bound:.2g}.",
            f"With tanh the gradient {_where(maps['tanh'])}.",
            f"With tanh and the smallest input λ passes 0 at g = {gain(_critical(maps['tanh'], scales[0]))}; the bound "
            f"ends at {bound:.2g}.",
        ),
        "Orange: the gradient vanishes, by exp(λ) a step; purple: it explodes; black line: λ = 0. Left of the dashed "
        "line Pascanu's bound γ σ_max(U) is below 1 and it must vanish (γ is the activation's largest slope, σ_max(U) "
        "the largest singular value of U); where it is hatched it vanishes all the same.",
        f"RNNs with U ~ N(0, g²/H), {setting(table, 'steps', 'hidden', 'inputs')}, the first "
        f"{table['discard'][0]:.0f} steps left out, medians of {setting(table, 'seeds')}; IndRNN with "
        f"{setting(table, 'neurons')}.",
        [
            f"where the bound is below 1 the gradient must vanish{must}",
            f"tanh: λ = 0 is at g = {edge('tanh')}, for the input saturates the units",
            f"sigmoid: the bound ends at {_sufficient(maps['sigmoid']):.2g}, λ = 0 is at {edge('sigmoid')}",
            f"ReLU without a bias: the size of the input is nothing{alike}, λ = 0 at g = "
            f"{gain(_critical(relu, scales[0]))}; where half the units are on, √2 is expected",
            f"IndRNN with ReLU on active paths has λ = log u to {exact:.1g}; with an input N(0, 1) each neuron is off "
            f"at some step, and λ = −∞, {cut}; with tanh λ is at most {tanh['exponent'].max():.2f}",
        ],
        "λ is the largest Lyapunov exponent: a perturbation of the state grows as exp(λ) a step, and the gradient that "
        "flows back along it.",
    )
