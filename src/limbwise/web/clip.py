"""An uploaded video, looked at before it is worked on: is it one, of a kind that refers to nothing else, and not too large."""

from __future__ import annotations

from pathlib import Path

from limbwise.errors import InputError
from limbwise.web.options import ServeOptions
from limbwise.web.refusal import Refusal

# Containers that hold their pictures themselves. Playlists (HLS, DASH, concat, SDP) name other files and hosts: those are never opened.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,mjpeg,yuv4mpegpipe,h264,hevc,gif,apng"
SAFE = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}


def check_clip(path: Path, options: ServeOptions) -> None:
    """Raises InputError where the file is no video that can be read, Refusal 413 where it is too large, by what its header says."""
    import av

    try:
        with av.open(str(path), options=SAFE, metadata_errors="replace") as container:
            if not container.streams.video:
                raise InputError("clip: holds no video stream; give a video")
            stream = container.streams.video[0]
            if getattr(stream, "codec_context", None) is None:
                raise InputError("clip: its video is damaged or of an unknown codec; convert it to H.264")
            seconds = container.duration / 1e6 if container.duration else 0.0
            check_size(stream.width, stream.height, options)
            check_length(stream.frames, seconds, options)
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "damaged"
        raise InputError(
            f"clip: is not a video that can be read ({reason}); send MP4, MOV, WebM, MKV or AVI"
        ) from error


def check_size(width: int, height: int, options: ServeOptions) -> None:
    """Raises Refusal 413 for pictures of too many pixels, InputError for pictures without any."""
    if width * height <= 0:
        raise InputError("clip: its pictures have no size; it is damaged")
    if width * height > options.max_pixels:
        raise Refusal(
            413, f"clip: pictures of {width} x {height} pixels are more than the {options.max_pixels:,} allowed"
        )


def check_length(frames: int, seconds: float, options: ServeOptions) -> None:
    """Raises Refusal 413 for too many frames or seconds."""
    if frames > options.max_frames:
        raise Refusal(413, f"clip: more than the {options.max_frames} frames allowed; cut it")
    if seconds > options.max_video_seconds:
        raise Refusal(413, f"clip: longer than the {options.max_video_seconds:g} s allowed; cut it")
