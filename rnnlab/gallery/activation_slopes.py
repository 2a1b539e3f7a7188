"""The activations and their slopes, and what ten slopes in a row leave of an error."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from rnnlab import activations
from rnnlab.experiments.results import looks
from rnnlab.gallery import page
from rnnlab.gallery.knobs import Knob, checked, setting, with_knobs
from rnnlab.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "The slopes that multiply the error"


@checked
def compute(
    *,
    reach: Annotated[float, Knob("the activations are drawn from -reach to reach", "", 0.1)] = 6.0,
    points: Annotated[int, Knob("at so many pre-activations", "points", 2)] = 241,
    layers: Annotated[int, Knob("slopes that are multiplied at most", "slopes", 1)] = 10,
    samples: Annotated[int, Knob("pre-activations that are drawn", "samples", 1)] = 100_000,
) -> Table:
    """The activations on [-reach, reach], and products of slopes at pre-activations drawn from N(0, 1).

    Returns:
        part ("curve" or "product"), activation, x (pre-activation, or number of slopes multiplied); h; slope, read
        from the output, or the product's median; check, the slope by complex step, or the largest possible
        product; samples.
    """
    rows: list[tuple[str | float, ...]] = []
    a = np.linspace(-reach, reach, points)
    for name in looks.ACTIVATIONS:
        activation = activations.get(name)
        stepped: Any = a + 1e-20j
        activation.apply(stepped)
        h = a.copy()
        activation.apply(h)
        rows += [("curve", name, *row) for row in zip(a, h, activation.slope(h), stepped.imag / 1e-20, strict=True)]
        drawn = np.random.default_rng(0).standard_normal((layers, samples))
        activation.apply(drawn)
        products = np.cumprod(activation.slope(drawn), axis=0)
        rows += [
            ("product", name, float(n), np.nan, float(np.median(products[n - 1])), activation.max_slope**n)
            for n in range(1, layers + 1)
        ]
    return with_knobs(Table.of("part activation x h slope check", rows), samples=samples)


@page.styled
def draw(table: Table) -> "Figure":
    """Left the activations, in the middle their slopes, right the product of n slopes on a logarithmic scale."""
    figure, (curves, slopes, products) = page.page(1, 3, height=3.8, width=11.5)
    curve, layers = table.where(part="curve"), table.where(part="product")["x"].max()
    for name, (color, line, marker) in looks.ACTIVATIONS.items():
        style: dict[str, Any] = {"color": color, "ls": line, "marker": marker, "ms": 3}
        part = table.where(part="curve", activation=name)
        curves.plot(part["x"], part["h"], **style, markevery=0.1, label=name)
        slopes.plot(part["x"], part["slope"], **style, markevery=0.1, label=name)
        part = table.where(part="product", activation=name)
        alive = part["slope"] > 0
        products.plot(part["x"][alive], part["slope"][alive], **style, label=name)
        gone = part["x"][~alive]
        if len(gone):
            ground = products.get_xaxis_transform()
            products.plot(gone, np.zeros(len(gone)), "v", color=color, ms=5, transform=ground, clip_on=False)
    bound = table.where(part="product", activation="sigmoid")
    products.plot(bound["x"], bound["check"], color=looks.BLACK, lw=1)
    page.label(products, 0.46 * layers, 0.25 ** (0.42 * layers), "0.25$^n$, sigmoid's best", looks.BLACK)
    curves.set(title="h = φ(a)", xlabel="pre-activation a", ylabel="h", ylim=(-1.6, 2.2))
    slopes.set(title="dh/da, read from h", xlabel="pre-activation a", ylabel="slope", ylim=(-0.05, 1.1))
    slopes.axhline(0.25, color=looks.BLACK, lw=0.8)
    page.label(slopes, 0.98 * curve["x"].min(), 0.29, "1/4: sigmoid's largest", looks.BLACK)
    products.set(
        title="n slopes multiplied, a ~ N(0, 1)", xlabel="n", ylabel="median product", yscale="log", ylim=(1e-8, 2)
    )
    curves.legend(loc="upper left")
    return figure


def caption(table: Table) -> str:
    curve, product = table.where(part="curve"), table.where(part="product")
    last = product.where(x=product["x"].max())
    n, sigmoid = int(last["x"][0]), last.where(activation="sigmoid")
    apart = np.abs(curve["slope"] - curve["check"]).max()
    relu = product.where(activation="relu")
    cut = relu["x"][relu["slope"] == 0]
    through = f"cut from {cut[0]:.0f} in a row on (triangles)" if len(cut) else "open"
    return (
        f"Activations and their slopes at pre-activations from {curve['x'].min():g} to {curve['x'].max():g}; the slope "
        f"read from the output and the slope by complex step differ by at most {apart:.0e}. Sigmoid's is never above "
        f"1/4, so {n} in a row leave at most 0.25^{n} = {sigmoid['check'][0]:.2g} of an error; with pre-activations "
        f"from N(0, 1), {setting(table, 'samples')}, the median is {sigmoid['slope'][0]:.2g}, for tanh "
        f"{last.only('slope', activation='tanh'):.2g}. ReLU's slope is 0 or 1, not always 1: the median path is "
        f"{through}."
    )
