"""The activations and their slopes, and what ten slopes in a row leave of an error."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab import activations
from rnnlab.experiments.results import looks
from rnnlab.gallery import captions, page
from rnnlab.gallery.dots import SMALL
from rnnlab.gallery.knobs import Knob, checked, setting, with_knobs
from rnnlab.gallery.series import ALL, Words, chosen
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "The slopes that multiply the error"


@checked
def compute(
    *,
    reach: Annotated[float, Knob("the activations are drawn from -reach to reach", "", 0.1)] = 6.0,
    points: Annotated[int, Knob("at so many pre-activations", "points", 2)] = 241,
    layers: Annotated[int, Knob("slopes that are multiplied at most", "slopes", 1)] = 10,
    samples: Annotated[int, Knob("pre-activations that are drawn", "samples", 1)] = 100_000,
    series: Annotated[Words, Knob("the activations", names=tuple(looks.ACTIVATIONS))] = ALL,
) -> Table:
    """The activations on [-reach, reach], and products of slopes at pre-activations drawn from N(0, 1).

    Returns:
        part ("curve" or "product"), activation, x (pre-activation, or number of slopes multiplied); h; slope, read
        from the output, or the product's median; check, the slope by complex step, or the largest possible product;
        open, the share of products above 0; samples.
    """
    rows: list[tuple[str | float, ...]] = []
    a = np.linspace(-reach, reach, points)
    for name in chosen(series, tuple(looks.ACTIVATIONS)):
        activation = activations.get(name)
        stepped: Any = a + 1e-20j
        activation.apply(stepped)
        h = a.copy()
        activation.apply(h)
        curve = zip(a, h, activation.slope(h), stepped.imag / 1e-20, strict=True)
        rows += [("curve", name, *row, np.nan) for row in curve]
        drawn = np.random.default_rng(0).standard_normal((layers, samples))
        activation.apply(drawn)
        products = np.cumprod(activation.slope(drawn), axis=0)
        rows += [
            (
                "product",
                name,
                float(n),
                np.nan,
                float(np.median(some)),
                activation.max_slope**n,
                float(np.mean(some > 0)),
            )
            for n, some in enumerate(products, start=1)
        ]
    return with_knobs(Table.of("part activation x h slope check open", rows), samples=samples)


@page.styled
def draw(table: Table) -> "Figure":
    """Above the activations and their slopes, below the product of n slopes on a logarithmic scale."""
    figure = page.sheet(7, 9.2 if page.narrow() else 6.6)
    above: list[Any] = [["curves"], ["slopes"]] if page.narrow() else [["curves", "slopes"]]
    axes = figure.subplot_mosaic([*above, ["products"] * len(above[0])])
    curves, slopes = axes["curves"], axes["slopes"]
    names = [name for (name,) in table.each("activation")]
    for name in names:
        color, line, marker = looks.ACTIVATIONS[name]
        style: dict[str, Any] = {"color": color, "ls": line, "marker": marker, "ms": 4}
        part = table.where(part="curve", activation=name)
        curves.plot(part["x"], part["h"], **style, markevery=0.1, label=NAMES[name])
        slopes.plot(part["x"], part["slope"], **style, markevery=0.1)
    reach = table.where(part="curve")["x"].max()
    curves.set(title="the activations, h = φ(a)", xlabel="pre-activation a", ylabel="h", ylim=(-1.6, 2.2))
    curves.legend(loc="upper left", fontsize=SMALL)
    shown = "sigmoid" if "sigmoid" in names else names[0]
    largest = table.where(part="curve", activation=shown)["slope"].max()
    page.headline(slopes, f"their slopes: {NAMES[shown]}'s is {largest:.2g} at most", 3.0)
    slopes.set(xlabel="pre-activation a", ylabel="slope dh/da", ylim=(-0.05, 1.25))
    if shown == "sigmoid":
        page.label(slopes, 0.3 * reach, 0.3, "¼", looks.ACTIVATIONS["sigmoid"].color, fontsize=SMALL)
        slopes.axhline(0.25, color=looks.ACTIVATIONS["sigmoid"].color, lw=0.8)
    _draw_products(axes["products"], table.where(part="product"))
    return figure


NAMES = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU", "leaky_relu": "leaky ReLU", "identity": "identity"}


def _draw_products(ax: "Axes", table: Table) -> None:
    """The median of each activation, sigmoid's bound, and of ReLU the share of paths that are open."""
    layers, lowest = table["x"].max(), table["slope"][table["slope"] > 0].min(initial=1e-3)
    bottom, ends = lowest / 30, {}
    names = [name for (name,) in table.each("activation")]
    for name in names:
        rows, (color, line, marker) = table.where(activation=name), looks.ACTIVATIONS[name]
        alive = rows["slope"] > 0
        style: Any = {"color": color, "marker": marker, "ms": 4}
        ax.plot(rows["x"][alive], rows["slope"][alive], ls=line, **style)
        if alive.all():
            ends[f"{NAMES[name]}, median"] = (float(rows["slope"][-1]), color)
        if not alive.all():
            gone: Any = {"color": color, "ms": 5, "ls": "none", "clip_on": False}
            ax.plot(rows["x"][~alive], np.full((~alive).sum(), bottom), "v", **gone)
            ends[f"{NAMES[name]}, median: 0"] = (3 * bottom, color)
    sigmoid, relu = (table.where(activation=name) for name in ("sigmoid", "relu"))
    if len(sigmoid):
        ax.plot(sigmoid["x"], sigmoid["check"], color=looks.BLACK, lw=1)
        ends["0.25ⁿ, sigmoid's most"] = (float(sigmoid["check"][-1]), looks.BLACK)
    if len(relu):
        green, seen = looks.ACTIVATIONS["relu"].color, relu["open"] > 0
        ax.plot(relu["x"][seen], relu["open"][seen], color=green, ls="-", marker="s", ms=4, mfc="white")
        ends["ReLU, paths open"] = (max(float(relu["open"][-1]), bottom), green)
    heights = page.apart({words: end for words, (end, _) in ends.items()}, 0.075 * np.log(3 / bottom))
    last, whole = 1 + 1.02 * (layers - 1), 1 + (3.0 if page.narrow() else 1.36) * max(layers - 1, 0.1)
    for words, height in heights.items():
        page.label(ax, last, height, words, ends[words][1], fontsize=SMALL)
    ax.set(xlabel="slopes in a row, n", ylabel="product of n slopes", yscale="log", ylim=(bottom, 3))
    ax.set(xlim=(1, whole))
    ax.set_xticks([tick for tick in ax.get_xticks() if 1 <= tick <= layers])
    ax.set_xlim(1, whole)
    page.headline(ax, _found(table), 6.3)


def _found(table: Table) -> str:
    """Of the products."""
    n = table["x"].max()
    last = table.where(x=n)
    names = [name for (name,) in last.each("activation")]
    smooth = [name for name in ("sigmoid", "tanh") if name in names] or [name for name in names if name != "relu"][:2]
    left = ", ".join(f"{last.only('slope', activation=name):.0e} with {NAMES[name]}" for name in smooth)
    passed = _passed(last.only("open", activation="relu")) if "relu" in names else ""
    slopes = f"{n:.0f} slope{'s in a row leave' if n > 1 else ' leaves'}"
    return "; ".join(part for part in (f"{slopes} {left}" if left else "", passed) if part)


def _passed(share: float) -> str:
    """Of how many paths every slope of ReLU is 1."""
    if share <= 0:
        return "ReLU passes no path whole"
    return f"ReLU lets 1 path in {float(f'{1 / share:.1g}'):,.0f} through whole"


def caption(table: Table) -> str:
    curve, product = table.where(part="curve"), table.where(part="product")
    last = product.where(x=product["x"].max())
    n, names = int(last["x"][0]), [name for (name,) in last.each("activation")]
    apart = np.abs(curve["slope"] - curve["check"]).max()
    relu = product.where(activation="relu")
    cut = relu["x"][relu["slope"] == 0]
    through = f"cut from {cut[0]:.0f} in a row on (triangles)" if len(cut) else "open"
    medians = ", ".join(f"{NAMES[name]} {last.only('slope', activation=name):.2g}" for name in names)
    numbers = [
        f"the slope read from the output and the slope by complex step differ by at most {apart:.0e}",
        f"the median after {n}: {medians}",
    ]
    if "sigmoid" in names:
        most = last.only("check", activation="sigmoid")
        numbers.append(f"sigmoid's is never above 1/4, so {n} in a row leave at most 0.25^{n} = {most:.2g}")
    if "relu" in names:
        numbers.append(
            f"ReLU's median path is {through}; {last.only('open', activation='relu'):.2g} of all are open after {n}, "
            f"2^-{n} is {2.0**-n:.2g}"
        )
    return captions.told(
        captions.finding(f"{_found(product)}."),
        "Above, the activations and what each multiplies the error by. Below, n slopes multiplied: the median path, "
        "and of ReLU, whose slope is 0 or 1, the share of paths in which every unit is on, about 2⁻ⁿ.",
        f"Slopes at pre-activations from {curve['x'].min():g} to {curve['x'].max():g}; products with pre-activations "
        f"from N(0, 1), {setting(table, 'samples')}.",
        numbers,
    )
