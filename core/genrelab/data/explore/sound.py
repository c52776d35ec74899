"""Single tracks, decoded to be looked at and to be listened to."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import soundfile

from genrelab.components import Track
from genrelab.data.audio import BadAudio, Excerpt, Waveform, read_mono

_INLINE = 200_000  # bytes of a file that the page holds as it is
_EXCERPT = 10.0  # seconds of a larger one
_PLAYED = {
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
}


def decode(track: Track, sample_rate: int, seconds: float) -> Waveform | str:
    """Return the first seconds of a track (samples,), or why it cannot be used."""
    try:
        return read_mono(Excerpt(str(track.path), track.start, track.duration), sample_rate, seconds)
    except BadAudio as error:
        return error.message


def player(track: Track, audio: Waveform, sample_rate: int) -> str:
    """Return a data URI of a track: its file where that is small, else the first 10 s of `audio` as Ogg Vorbis."""
    path = Path(track.path)
    kind = _PLAYED.get(path.suffix.lower())
    if kind and not track.start and not track.duration and path.stat().st_size <= _INLINE:
        return _data_uri(kind, path.read_bytes())
    encoded = io.BytesIO()
    soundfile.write(encoded, audio[: round(_EXCERPT * sample_rate)], sample_rate, format="OGG", subtype="VORBIS")
    return _data_uri("audio/ogg", encoded.getvalue())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
