"""Digits drawn from Matplotlib's fonts, rotated, scaled, slanted, thickened, with noise: images without a download."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array

TRAINING = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-BoldItalic",
    "DejaVuSansMono-Oblique",
    "STIXGeneral",
    "STIXGeneralItalic",
    "STIXGeneralBolIta",
    "cmr10",
    "cmtt10",
)
TEST = ("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSerif-Italic", "STIXGeneralBol", "cmss10", "cmb10")
"""The typefaces, by file name; no test face is trained on. Both lists have faces with and without serifs.

DejaVuSansMono and DejaVuSerif-Italic are nearly the upright and the slanted form of a face in training: the error of
a linear model on the second is no higher than on training faces, on the others 4 to 15 points higher.
"""

FINE = 96
"""A glyph is rasterized once, at FINE × FINE, and every image samples that."""

HEIGHT = 0.66
"""Height of a digit as a share of the image's, before scaling."""

TURN, SCALE, SLANT, SHIFT = np.deg2rad(20), 0.2, 0.2, 0.1
"""The most that an image is rotated (radians), scaled (a share), slanted (of the height) and shifted (of the side)."""

BOLDER = (0.35, 0.5, 0.65)
"""Thresholds on a blurred glyph: the lower, the thicker its strokes."""

NOISE = 0.15
"""Standard deviation of the noise on a pixel, which is in [0, 1]."""


def draw(
    rng: np.random.Generator, faces: tuple[str, ...], count: int, side: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """`count` images (count, side, side), uint8, of digits in these faces, and the digits (count,).

    Each is one glyph under a random affine map: the image's pixel (x, y) shows the glyph at A (x, y) + shift, by
    bilinear interpolation in the filled glyph, averaged beforehand over the area of a pixel.
    """
    digits = rng.integers(10, size=count)
    face, boldness = rng.integers(len(faces), size=count), rng.integers(len(BOLDER), size=count)
    turn, slant = rng.uniform(-TURN, TURN, count), rng.uniform(-SLANT, SLANT, count)
    scale, shift = rng.uniform(1 - SCALE, 1 + SCALE, count), rng.uniform(-SHIFT, SHIFT, (2, count))
    glyphs = np.stack([_thickened(name, max(1, round(FINE / side))) for name in faces])  # (faces, bold, 10, FINE, FINE)
    which = (face * len(BOLDER) + boldness) * 10 + digits

    centres = (np.arange(side) + 0.5) / side - 0.5
    y, x = (axis.ravel() for axis in np.meshgrid(centres, centres, indexing="ij"))  # (side²,) each, in ±1/2
    x, y = x - shift[0, :, None], y - shift[1, :, None]  # (count, side²)
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    u, v = (cos * x + sin * y) / scale[:, None], (cos * y - sin * x) / scale[:, None]
    u += slant[:, None] * v
    values = _bilinear(glyphs.reshape(-1, FINE, FINE), which, u, v)
    values = values.reshape(count, side, side) + rng.normal(0, NOISE, (count, side, side))
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8), digits


def _bilinear(glyphs: Array, which: NDArray[np.int64], u: Array, v: Array) -> Array:
    """glyphs[which[n]] at (u[n], v[n]), which are in ±1/2 on the glyph; 0 outside."""
    column, row = (u + 0.5) * FINE - 0.5, (v + 0.5) * FINE - 0.5
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    right, below = column - left, row - top
    padded = np.pad(glyphs, ((0, 0), (1, 1), (1, 1)))  # the frame of zeros is what lies outside
    values = np.zeros_like(u)
    for down in (0, 1):
        for across in (0, 1):
            i, j = np.clip(top + down + 1, 0, FINE + 1), np.clip(left + across + 1, 0, FINE + 1)
            weight = (below if down else 1 - below) * (right if across else 1 - right)
            values += weight * padded[which[:, None], i, j]
    return values


@cache
def _thickened(face: str, pixel: int) -> Array:
    """(3, 10, FINE, FINE): the digits of a face in three thicknesses, each averaged over `pixel` × `pixel`."""
    blurred = _averaged(_filled(face), FINE // 16)
    return np.stack([_averaged((blurred > threshold).astype(float), pixel) for threshold in BOLDER])


def _averaged(images: Array, size: int) -> Array:
    """The mean over a square of size × size around every place, zeros beyond the edge."""
    before, after = size // 2, (size - 1) // 2
    for axis in (-2, -1):
        width = [(0, 0)] * images.ndim
        width[axis] = (before, after)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(images, width), size, axis=axis)
        images = windows.mean(axis=-1)
    return images


def _filled(face: str) -> Array:
    """(10, FINE, FINE): 1 inside the outline of each digit, 0 outside; centred, HEIGHT high."""
    from matplotlib import get_data_path  # rnnlab itself needs NumPy alone
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    properties = FontProperties(fname=Path(get_data_path()) / "fonts" / "ttf" / f"{face}.ttf")
    outlines = [_edges(TextPath((0, 0), str(digit), size=100, prop=properties)) for digit in range(10)]
    tallest = max(float(np.ptp(edges[..., 1])) for edges in outlines)
    grid = (np.arange(FINE) + 0.5) / FINE - 0.5
    return np.stack([_inside(_centred(edges) * (HEIGHT / tallest), grid) for edges in outlines])


def _edges(path: object) -> Array:
    """The outline as straight edges (N, 2, 2), y upwards: curves become CHORDS pieces."""
    edges = list[Array]()
    start = here = np.zeros(2)
    for vertices, code in path.iter_segments(simplify=False):  # type: ignore[attr-defined]
        controls = np.asarray(vertices, float).reshape(-1, 2)
        if code == path.MOVETO:  # type: ignore[attr-defined]
            start = here = controls[0]
            continue
        if code == path.CLOSEPOLY:  # type: ignore[attr-defined]
            controls = start[None]
        points = _bezier(np.vstack([here, controls]))
        edges.append(np.stack([points[:-1], points[1:]], axis=1))
        here = controls[-1]
    return np.concatenate(edges)


CHORDS = 8


def _bezier(controls: Array) -> Array:
    """Points on the Bézier curve of 2, 3 or 4 control points, by de Casteljau's rule; of 2, its ends."""
    if len(controls) == 2:
        return controls
    t = np.linspace(0, 1, CHORDS + 1)[:, None, None]
    points = np.broadcast_to(controls, (CHORDS + 1, *controls.shape))
    while points.shape[1] > 1:
        points = (1 - t) * points[:, :-1] + t * points[:, 1:]
    curve: Array = points[:, 0]
    return curve


def _centred(edges: Array) -> Array:
    """Around the origin, y downwards as in an image."""
    corners = edges.reshape(-1, 2)
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    centred: Array = (edges - middle) * np.array([1, -1])
    return centred


def _inside(edges: Array, grid: Array) -> Array:
    """1 where a ray to the right crosses the outline with unequal numbers of edges up and down: the nonzero rule."""
    (x0, y0), (x1, y1) = edges[:, 0].T, edges[:, 1].T
    y = grid[:, None]
    up, down = (y0 <= y) & (y < y1), (y1 <= y) & (y < y0)  # (FINE, N)
    slope = np.divide(x1 - x0, y1 - y0, out=np.zeros_like(x0), where=y1 != y0)
    crossing = x0 + (y - y0) * slope
    # The columns from 0 to `before` lie left of a crossing: mark where they end, and add up the marks from the right.
    before = np.searchsorted(grid, crossing)  # (FINE, N)
    marks = np.zeros((len(grid), len(grid) + 1), int)
    np.add.at(marks, (np.arange(len(grid))[:, None], before), up.astype(int) - down)
    winding = marks[:, :0:-1].cumsum(axis=1)[:, ::-1]  # (FINE, FINE)
    inside: Array = (winding != 0).astype(float)
    return inside
