"""Speech by formants: vowels and fricatives of many speakers, source and filter, so that no recording is needed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array
from rnnlab.tasks.speech import HOP, RATE, WINDOW

BANDWIDTHS = (70.0, 100.0, 150.0)
PHONES: dict[str, tuple[tuple[float, float, float], float, float]] = {
    "iy": ((270, 2290, 3010), 1.0, 0.0),
    "ih": ((390, 1990, 2550), 1.0, 0.0),
    "eh": ((530, 1840, 2480), 1.0, 0.0),
    "ae": ((660, 1720, 2410), 1.0, 0.0),
    "aa": ((730, 1090, 2440), 1.0, 0.0),
    "ao": ((570, 840, 2410), 1.0, 0.0),
    "uh": ((440, 1020, 2240), 1.0, 0.0),
    "uw": ((300, 870, 2240), 1.0, 0.0),
    "ah": ((640, 1190, 2390), 1.0, 0.0),
    "er": ((490, 1350, 1690), 1.0, 0.0),
    "s": ((3500, 5000, 6500), 0.0, 0.25),
    "sh": ((1800, 2600, 3500), 0.0, 0.3),
    "f": ((1200, 3800, 7000), 0.0, 0.08),
    "z": ((3500, 5000, 6500), 0.35, 0.15),
    "v": ((1200, 3800, 7000), 0.35, 0.05),
    "sil": ((500, 1500, 2500), 0.0, 0.0),
}
"""For each phone its formants F1, F2, F3 (Hz), and the amplitudes of its voice and of its noise.

The vowels are the averages of 33 men in Peterson, Barney (1952), table II; the fricatives follow a rule of thumb, the
energy of s and z is at high frequencies, of sh lower, of f and v weak and spread out.
"""

NAMES = tuple(PHONES)
VOWELS = 10
GLIDE = 0.06
"""Seconds over which the formants move from one phone to the next: a frame near a boundary looks like neither."""

FRAMES = 5, 16
"""Frames in a phone: at least the first, fewer than the second."""

MASKED = 0.12
"""Share of the frames hidden by a burst of noise, four at a time: there, only the neighbouring frames help."""


@dataclass(frozen=True)
class Speaker:
    """A voice.

    Attributes:
        pitch: Hz.
        tract: factor on every formant of the table.
        accent: (phones, 3), factors, the speaker's own deviation.
        noise: standard deviation of the background noise; the voice's is about 1.
    """

    pitch: float
    tract: float
    accent: Array
    noise: float

    @classmethod
    def born(cls, rng: np.random.Generator) -> "Speaker":
        return cls(
            rng.uniform(90, 240),
            rng.uniform(0.9, 1.2),
            np.exp(rng.normal(0, 0.05, (len(PHONES), 3))),
            10 ** rng.uniform(-2.2, -1.2),
        )


def utterances(rng: np.random.Generator, speakers: int, each: int, frames: int) -> tuple[Array, NDArray[np.int64]]:
    """Waveforms (speakers · each, samples) and the phone at the centre of every frame, (speakers · each, frames)."""
    voices = [Speaker.born(rng) for _ in range(speakers)]
    labels = np.array([_phones(rng, frames) for _ in range(speakers * each)])
    waves = [_speak(rng, voice, labels[n * each : (n + 1) * each]) for n, voice in enumerate(voices)]
    return np.concatenate(waves), labels


def _phones(rng: np.random.Generator, frames: int) -> NDArray[np.int64]:
    """A phone for every frame. After a consonant or silence comes a vowel; after a vowel, anything but itself."""
    labels: list[int] = []
    phone = int(rng.integers(len(PHONES)))
    while len(labels) < frames:
        labels += [phone] * int(rng.integers(*FRAMES))
        choices = np.arange(len(PHONES) if phone < VOWELS else VOWELS)
        phone = int(rng.choice(choices[choices != phone]))
    return np.array(labels[:frames])


def _speak(rng: np.random.Generator, voice: Speaker, labels: NDArray[np.int64]) -> Array:
    """The waveforms of one speaker's utterances, (N, samples)."""
    N, frames = labels.shape
    samples = HOP * (frames - 1) + WINDOW
    frame = np.clip((np.arange(samples) - WINDOW // 2 + HOP // 2) // HOP, 0, frames - 1)
    phones = labels[:, frame]  # (N, samples)
    table = np.array([formants for formants, _, _ in PHONES.values()]) * voice.accent * voice.tract
    tracks = np.stack([_glide(table[phones, n]) for n in range(3)])  # (3, N, samples), Hz
    loudness = np.array([(voiced, noisy) for _, voiced, noisy in PHONES.values()])
    voiced, noisy = _glide(loudness[phones, 0]), _glide(loudness[phones, 1])
    source: Array = voiced * _pulses(rng, voice.pitch, N, samples) + noisy * rng.standard_normal((N, samples))
    for track, bandwidth in zip(tracks, BANDWIDTHS, strict=True):
        source = _resonate(source, np.minimum(track, 0.45 * RATE), bandwidth)
    hidden = np.repeat(rng.random((N, frames // 4 + 1)) < MASKED, 4, axis=1)[:, frame]
    noise = np.where(hidden, 0.3, voice.noise)
    return source + noise * rng.standard_normal((N, samples))


def _glide(track: Array) -> Array:
    """The mean over GLIDE seconds around every sample."""
    size = int(GLIDE * RATE)
    padded = np.pad(track, ((0, 0), (size // 2, size - size // 2)), mode="edge")
    sums = np.cumsum(padded, axis=1)
    means: Array = (sums[:, size:] - sums[:, :-size]) / size
    return means


def _pulses(rng: np.random.Generator, pitch: float, count: int, samples: int) -> Array:
    """Glottal pulses (count, samples): one whenever the phase completes a turn, at a pitch that drifts by a few %."""
    knots = rng.normal(1, 0.05, (count, samples // (RATE // 10) + 2))
    drift = np.array([np.interp(np.arange(samples) / (RATE // 10), np.arange(knots.shape[1]), row) for row in knots])
    phase = np.cumsum(pitch * drift / RATE, axis=1) + rng.random((count, 1))
    pulses = np.zeros((count, samples))
    pulses[:, 1:] = np.diff(np.floor(phase), axis=1)
    pulses *= np.sqrt(RATE / pitch) / 2
    return pulses


def _resonate(xs: Array, frequency: Array, bandwidth: float) -> Array:
    """A resonance that moves: y[n] = A x[n] + B y[n-1] + C y[n-2] with a gain of 1 at 0 Hz.

    C = -exp(-2π bandwidth / rate), B = 2 exp(-π bandwidth / rate) cos(2π frequency / rate), A = 1 - B - C.
    Source: Klatt (1980), Software for a cascade/parallel formant synthesizer, §I.C.
    """
    C = float(-np.exp(-2 * np.pi * bandwidth / RATE))
    B = 2 * np.exp(-np.pi * bandwidth / RATE) * np.cos(2 * np.pi * frequency / RATE)
    driven: Array = (1 - B - C) * xs
    ys = np.empty_like(driven)
    for row, *wave in zip(ys, driven.tolist(), B.tolist(), strict=True):  # for a few waves Python's numbers are faster
        y, before, heard = 0.0, 0.0, list[float]()
        for driven_n, B_n in zip(*wave, strict=True):
            y, before = driven_n + B_n * y + C * before, y
            heard.append(y)
        row[:] = heard
    return ys
