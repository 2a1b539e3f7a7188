"""TIMIT: its folders, its phone labels, and the usual folding of its 61 phones into 39 classes."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.tasks.speech import HOP, WINDOW, log_mel, read_wave

LEFT_OUT = -1
"""The label of a frame that is not scored: the glottal stop q, and the padding after an utterance's end."""

FOLDED = {
    "aa": "aa ao",
    "ae": "ae",
    "ah": "ah ax ax-h",
    "aw": "aw",
    "ay": "ay",
    "b": "b",
    "ch": "ch",
    "d": "d",
    "dh": "dh",
    "dx": "dx",
    "eh": "eh",
    "er": "er axr",
    "ey": "ey",
    "f": "f",
    "g": "g",
    "hh": "hh hv",
    "ih": "ih ix",
    "iy": "iy",
    "jh": "jh",
    "k": "k",
    "l": "l el",
    "m": "m em",
    "n": "n en nx",
    "ng": "ng eng",
    "ow": "ow",
    "oy": "oy",
    "p": "p",
    "r": "r",
    "s": "s",
    "sh": "sh zh",
    "sil": "bcl dcl gcl pcl tcl kcl epi pau h#",
    "t": "t",
    "th": "th",
    "uh": "uh",
    "uw": "uw ux",
    "v": "v",
    "w": "w",
    "y": "y",
    "z": "z",
}
"""The 39 classes, and the phones that each stands for; q is left out. Source: Lee, Hon (1989), table I."""

CLASSES = tuple(FOLDED)
FOLD = {phone: CLASSES.index(kind) for kind, phones in FOLDED.items() for phone in phones.split()} | {"q": LEFT_OUT}


def utterances(folder: Path, part: str) -> list[tuple[Array, NDArray[np.int64]]]:
    """Features (frames, FILTERS) and labels (frames,) of every sentence in `folder`/`part` except the SA ones.

    The two SA sentences are read by every speaker, and are usually left out. File names may be in upper or lower case.

    Raises:
        ValueError: no sentences; one without its labels, or the reverse; a file that is damaged or not of the kind that
            its name says.
        OSError: a file cannot be read.
    """
    root = next((path for path in sorted(folder.iterdir()) if path.name.upper() == part and path.is_dir()), None)
    if root is None:
        raise ValueError(f"{folder} has no folder {part}")
    sounds: dict[Path, Path] = {}
    labels: dict[Path, Path] = {}
    for path in sorted(root.rglob("*")):
        name, _, suffixes = path.name.upper().partition(".")
        kept = {"WAV": sounds, "WAV.WAV": sounds, "PHN": labels}.get(suffixes)
        if kept is not None and not name.startswith("SA"):
            kept[path.parent / name] = path
    for one, other, what in ((sounds, labels, "labels (.PHN)"), (labels, sounds, "recording (.WAV)")):
        lonely = sorted(one.keys() - other.keys())
        if lonely:
            raise ValueError(f"{one[lonely[0]]} has no {what} beside it")
    if not sounds:
        raise ValueError(f"{root} has no recordings (.WAV with .PHN)")
    return [_utterance(sounds[name], labels[name]) for name in sounds]


def _utterance(sound: Path, labels: Path) -> tuple[Array, NDArray[np.int64]]:
    wave = read_wave(sound)
    if len(wave) < WINDOW:
        raise ValueError(f"{sound} has {len(wave)} samples, less than one frame of {WINDOW}")
    features = log_mel(wave)
    phones = read_phones(labels, len(wave))
    centres = np.arange(len(features)) * HOP + WINDOW // 2
    return features, phones[centres]


def read_phones(path: Path, samples: int) -> NDArray[np.int64]:
    """The class of every sample, from lines "begin end phone" that follow one another.

    Raises:
        ValueError: a line of another form, an unknown phone, phones out of order or beyond the samples; the message
            names the file and the line.
        OSError: it cannot be read.
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text of phone labels") from None
    classes = np.full(samples, LEFT_OUT)
    here = 0
    for number, line in enumerate(lines, 1):
        found = re.fullmatch(r"\s*(\d{1,12})\s+(\d{1,12})\s+(\S+)\s*", line)
        if found is None or found[3] not in FOLD:
            raise ValueError(
                f"{path}, line {number}: wanted 'begin end phone' with a phone of TIMIT; got {line[:40]!r}"
            )
        begin, end = int(found[1]), int(found[2])
        if not here <= begin < end <= samples:
            raise ValueError(
                f"{path}, line {number}: {begin} … {end} does not follow {here} within the {samples} samples"
            )
        classes[begin:end] = FOLD[found[3]]
        here = end
    if here == 0:
        raise ValueError(f"{path} has no phone labels")
    return classes
