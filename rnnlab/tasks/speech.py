"""Speech as frames: log-mel features of a waveform, and waveforms from NIST SPHERE and RIFF files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnlab.arrays import Array

RATE, WINDOW, HOP = 16_000, 400, 160
"""Samples in a second, in a frame (25 ms), and from one frame to the next (10 ms)."""

FILTERS, FFT = 26, 512
PREEMPHASIS = 0.97
FLOOR = 1e-10
"""Added to the energy before the logarithm."""


def mel(hertz: Array) -> Array:
    """2595 log₁₀(1 + f / 700): equal steps sound equally far apart. Source: O'Shaughnessy (1987)."""
    pitch: Array = 2595 * np.log10(1 + hertz / 700)
    return pitch


def filters() -> Array:
    """(FILTERS, FFT/2 + 1): triangles over the FFT's frequencies, equally wide in mel, each rising where one falls."""
    edges = np.linspace(0, float(mel(np.array(RATE / 2))), FILTERS + 2)
    place = mel(np.linspace(0, RATE / 2, FFT // 2 + 1))
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.clip(np.minimum((place - low) / (middle - low), (high - place) / (high - middle)), 0, None)


def log_mel(waves: Array) -> Array:
    """(..., frames, FILTERS) of waveforms (..., samples): log of the energy in every filter.

    Pre-emphasis y[n] = x[n] - 0.97 x[n-1], frames of 25 ms every 10 ms, Hamming window, power spectrum, filters, log.

    Raises:
        ValueError: less than one frame.
    """
    if waves.shape[-1] < WINDOW:
        raise ValueError(f"a waveform needs at least {WINDOW} samples; got {waves.shape[-1]}")
    sharp = waves.copy()
    sharp[..., 1:] -= PREEMPHASIS * waves[..., :-1]
    frames = np.lib.stride_tricks.sliding_window_view(sharp, WINDOW, axis=-1)[..., ::HOP, :]
    power = np.square(np.abs(np.fft.rfft(frames * np.hamming(WINDOW), FFT)))
    features: Array = np.log(power @ filters().T + FLOOR)
    return features


def read_wave(path: Path) -> Array:
    """A 16-bit mono waveform in [-1, 1), from a NIST SPHERE or a RIFF file, whichever its first bytes say.

    Raises:
        ValueError: neither, cut short, or of another kind; the message names the file.
        OSError: it cannot be read.
    """
    contents = path.read_bytes()
    try:
        if contents.startswith(b"NIST_1A\n"):
            samples = _sphere(contents)
        elif contents.startswith(b"RIFF"):
            samples = _riff(contents)
        else:
            raise ValueError("it begins with neither NIST_1A nor RIFF")
    except ValueError as error:
        raise ValueError(f"{path} is not a whole 16-bit mono recording at {RATE} Hz: {error}") from None
    return samples / 32768


def _sphere(contents: bytes) -> NDArray[np.int64]:
    """NIST SPHERE: a text header of "name -type value" lines, as long as its second line says, then the samples."""
    try:
        size = int(contents[8:16])
        lines = contents[16:size].decode("ascii").split("\n")
    except ValueError:
        raise ValueError("its header is not text") from None
    if len(contents) < size or size < 16 or "end_head" not in (line.strip() for line in lines):
        raise ValueError("its header has no end")
    words = [line.split(maxsplit=2) for line in lines if line.strip() and line.strip() != "end_head"]
    fields = {word[0]: word[2].strip() for word in words if len(word) == 3}
    if fields.get("sample_coding", "pcm") != "pcm":
        raise ValueError(f"its samples are coded as {fields['sample_coding']}: convert it to pcm first")
    _demand(fields.get("channel_count", "1"), "1", "channels")
    _demand(fields.get("sample_n_bytes", "2"), "2", "bytes a sample")
    _demand(fields.get("sample_rate", "none"), str(RATE), "samples a second")
    order = {"01": "<i2", "10": ">i2"}.get(fields.get("sample_byte_format", "01"))
    count = fields.get("sample_count", "")
    if order is None or not (count.isascii() and count.isdigit()):
        raise ValueError("its header gives no sample_count, or an unknown sample_byte_format")
    return _samples(contents[size:], int(count), order)


def _riff(contents: bytes) -> NDArray[np.int64]:
    """RIFF WAVE: chunks of a name, a length and that many bytes; "fmt " says what the samples in "data" are."""
    if contents[8:12] != b"WAVE":
        raise ValueError("it is RIFF, but not WAVE")
    place, described = 12, False
    while place + 8 <= len(contents):
        name, size = contents[place : place + 4], int.from_bytes(contents[place + 4 : place + 8], "little")
        body = contents[place + 8 : place + 8 + size]
        if name == b"fmt " and len(body) >= 16:
            kind, channels = (int.from_bytes(body[at : at + 2], "little") for at in (0, 2))
            _demand(str(kind), "1", "as its format")
            _demand(str(channels), "1", "channels")
            _demand(str(int.from_bytes(body[4:8], "little")), str(RATE), "samples a second")
            _demand(str(int.from_bytes(body[14:16], "little")), "16", "bits a sample")
            described = True
        elif name == b"data":
            if not described:
                raise ValueError("its samples come before their description")
            return _samples(body, size // 2, "<i2")
        place += 8 + size + size % 2
    raise ValueError("it has no samples")


def _samples(body: bytes, count: int, order: str) -> NDArray[np.int64]:
    if len(body) < 2 * count or count == 0:
        raise ValueError(f"it has {len(body) // 2:,} of {count:,} samples")
    return np.frombuffer(body, order, count).astype(np.int64)


def _demand(found: str, wanted: str, what: str) -> None:
    if found != wanted:
        raise ValueError(f"it has {found} {what}, not {wanted}")
