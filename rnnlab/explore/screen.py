"""The window's pixels: only what has changed is drawn again, and what has been drawn before is copied.

Letters take longer to draw than the layer to run, so frames are kept with their ticks and legends, and words of titles.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlab.explore.panels import Panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(eq=False)
class Region:
    """A part of the window that is drawn by itself.

    Attributes:
        panel: what is drawn.
        box: left, bottom, width and height, as shares of the figure; no two regions overlap.
        drawn: the pixels of the frames that were drawn last, without what moves; the newest is the last.
    """

    panel: Panel
    box: tuple[float, float, float, float]
    drawn: dict[Any, Any] = field(default_factory=dict)


FRAMES = 16
"""Of each region so many frames are kept: one that comes back is copied, and letters take longest of all to draw."""


WORDS = 500
"""So many words of titles are kept."""


class Screen:
    """Draws again only what has changed: the frame of a region where it is another, and what moves on top.

    On a canvas that cannot copy parts of itself everything is drawn.
    """

    def __init__(self, figure: "Figure", regions: list[Region]) -> None:
        self.regions = regions
        self._figure = figure
        self._canvas: Any = figure.canvas
        self._words: dict[str, tuple[Any, int, int, int]] = {}
        self._copies = bool(self._canvas.supports_blit)
        self._canvas.mpl_connect("draw_event", lambda _: self._all_was_drawn())

    def refresh(self) -> None:
        """Bring the window up to date."""
        if self._copies:
            for region in self.regions:
                for artist in region.panel.above():
                    artist.set_animated(True)  # the canvas leaves it to us
        if not self._copies or not self.regions[0].drawn:
            self._canvas.draw_idle()
            return
        for region in self.regions:
            frame = region.panel.frame
            if frame not in region.drawn:
                self._draw(region)
            elif region.panel.above() or frame != next(reversed(region.drawn)):
                region.drawn[frame] = region.drawn.pop(frame)
                self._canvas.restore_region(region.drawn[frame])
                self._move(region)
        self._canvas.blit(self._figure.bbox)

    def _all_was_drawn(self) -> None:
        """After the canvas drew everything but what moves: at first, and when the window's size has changed."""
        if self._copies and not self._canvas.is_saving():
            self._words.clear()
            for region in self.regions:
                region.drawn.clear()  # the window may have another size
                self._remember(region)
                self._move(region)

    def _draw(self, region: Region) -> None:
        from matplotlib.patches import Rectangle

        x, y, width, height = region.box
        paper = Rectangle((x, y), width, height, color="white", transform=self._figure.transFigure)
        paper.set_figure(self._figure)
        self._figure.draw_artist(paper)
        self._figure.draw_artist(region.panel.axes)
        self._remember(region)
        self._move(region)

    def _remember(self, region: Region) -> None:
        from matplotlib.transforms import Bbox, TransformedBbox

        pixels = TransformedBbox(Bbox.from_bounds(*region.box), self._figure.transFigure)
        region.drawn[region.panel.frame] = self._canvas.copy_from_bbox(pixels)
        if len(region.drawn) > FRAMES:
            del region.drawn[next(iter(region.drawn))]

    def _move(self, region: Region) -> None:
        for artist in region.panel.moving:
            self._figure.draw_artist(artist)
        if region.panel.heading is not None:
            self._write(region.panel.heading)

    def _write(self, title: Any) -> None:
        """A title word by word: each is drawn once, and copied where it comes again."""
        x, y = (round(place) for place in title.get_transform().transform(title.get_position()))
        if len(self._words) > WORDS:
            self._words.clear()
        for word in re.findall(r" ?\S+", title.get_text()):
            if word not in self._words:
                self._words[word] = self._drawn(word, x, y, title)
            pixels, across, up, width = self._words[word]
            left, top, _, _ = pixels.get_extents()
            self._canvas.restore_region(pixels, xy=(left + x - across, top - (y - up)))  # rows count from the top
            x += width

    def _drawn(self, word: str, x: int, y: int, title: Any) -> tuple[Any, int, int, int]:
        """A word's pixels as they are drawn at x, y, that place, and how much further the next begins."""
        from matplotlib.text import Text
        from matplotlib.transforms import Bbox

        text = Text(x, y, word, color=title.get_color(), fontproperties=title.get_fontproperties())
        text.set_figure(self._figure)
        self._figure.draw_artist(text)
        box = text.get_window_extent()
        width = round(box.width)
        begin = x + 1 if word.startswith(" ") else x - 1  # a letter reaches into the space beside it, by a pixel
        around = Bbox.from_extents(begin, np.floor(box.y0), x + width + 1, np.ceil(box.y1))
        return self._canvas.copy_from_bbox(around), x, y, width
