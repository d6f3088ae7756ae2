"""A stream gives what the whole would, each frame as soon as it can be, whatever the pieces and the rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a2f_addon.errors import ModelError, SettingError, SoundError
from a2f_addon.face import arkit
from a2f_addon.speech import model
from a2f_addon.speech.live import BUNDLED, Live
from a2f_addon.speech.resampling import resampled
from tests import made


@pytest.fixture(scope="module")
def live_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.live_graph(tmp_path_factory.mktemp("live") / "live.onnx")


def streamed(live: Live, pieces: list[made.Floats]) -> tuple[made.Floats, made.Floats, made.Floats]:
    """Curves, phones and loudness of all frames; each piece's start where the one before ended."""
    parts, frames = [], 0
    for curves, speech in [*(live.feed(piece) for piece in pieces), live.finish()]:
        assert curves.start == speech.start == pytest.approx((frames + 0.5) / 50)
        frames += len(curves)
        parts.append((curves.values, speech.phones, speech.loudness_db))
    whole = [np.concatenate(part) for part in zip(*parts, strict=True)]
    return whole[0], whole[1], whole[2]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 40_000), max_size=12), rate=st.sampled_from([16_000, 44_100, 8_000]))
def test_a_stream_is_the_same_however_it_is_cut(live_graph: Path, cuts: list[int], rate: int) -> None:
    sound = made.speech(40_000 / rate, rate=rate)
    live = Live(rate, model=live_graph)
    at_once = streamed(live, [sound])
    in_pieces = streamed(live, np.split(sound, sorted(cuts)))
    for whole, pieced in zip(at_once, in_pieces, strict=True):
        np.testing.assert_allclose(pieced, whole, atol=1e-5)
    assert len(at_once[0]) == -(-len(resampled_to_16k(sound, rate)) // made.HOP)
    # The made graph counts its hops; of these the first were owed to the look-ahead.
    np.testing.assert_array_equal(at_once[2], np.arange(len(at_once[2])) + 1 + live.facts.late)


def resampled_to_16k(sound: made.Floats, rate: int) -> made.Floats:
    return np.concatenate(list(resampled([sound], source_rate=rate, rate=made.RATE)))


def test_a_frame_comes_with_the_last_sample_that_it_hears_and_hears_no_later_one(live_graph: Path) -> None:
    """Frame 0 needs its own hop and the look-ahead after it; and the sample after that does not change it."""
    live, sound, needs = Live(made.RATE, model=live_graph), made.speech(1.0), made.HOP + made.LIVE_AHEAD
    assert len(live.feed(sound[: needs - 1])[0]) == 0
    first, _ = live.feed(sound[needs - 1 : needs])
    assert len(first) == 1
    live.finish()
    louder = np.concatenate((sound[:needs], 1.0 - sound[needs:]))
    np.testing.assert_allclose(live.feed(louder)[0].values[:1], first.values, atol=1e-6)
    live.finish()
    louder[needs - 1] += 0.5
    assert np.abs(live.feed(louder)[0].values[0] - first.values[0]).max() > 1e-4


def test_after_the_end_a_stream_begins_anew(live_graph: Path) -> None:
    live, sound = Live(48_000, model=live_graph), made.speech(0.7, rate=48_000)
    first, second = (streamed(live, [sound]) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_stream_without_sound_ends_without_frames(live_graph: Path) -> None:
    live = Live(44_100, model=live_graph)
    assert len(live.feed(np.zeros(0, np.float32))[0]) == 0
    curves, speech = live.finish()
    assert len(curves) == len(speech) == 0
    assert curves.names == arkit.NAMES


@pytest.mark.parametrize("samples", [np.zeros((10, 2), np.float32), np.zeros(10, np.int16), np.array([0.0, np.nan], np.float32)])
def test_what_is_no_mono_sound_is_refused_and_not_heard(live_graph: Path, samples: np.ndarray) -> None:
    live, sound = Live(made.RATE, model=live_graph), made.speech(0.5)
    with pytest.raises(SoundError, match="live stream"):
        live.feed(samples)
    np.testing.assert_allclose(streamed(live, [sound])[0], streamed(Live(made.RATE, model=live_graph), [sound])[0], atol=1e-6)


@pytest.mark.parametrize("rate", [0, 44_100.5, float("nan"), 10**7])
def test_a_rate_that_no_sound_has_is_refused(live_graph: Path, rate: float) -> None:
    with pytest.raises(SettingError, match="sample rate"):
        Live(rate, model=live_graph)  # type: ignore[arg-type]


def test_a_graph_that_cannot_be_streamed_is_refused(graph: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    other = made.live_graph(tmp_path / "other.onnx", states='{"state_sound": [1, 1400]}')
    reasons = {graph: "kind 'offline'.*'live' is needed", broken: "damaged", other: "metadata say", tmp_path / "none.onnx": "no model file"}
    for path, sentence in reasons.items():
        with pytest.raises(ModelError, match=sentence):
            Live(made.RATE, model=path)
    with pytest.raises(ModelError, match="None of NoSuchProvider is there"):
        Live(made.RATE, model=made.live_graph(tmp_path / "live.onnx"), providers=["NoSuchProvider"])


def test_a_graph_that_fails_is_told_and_the_stream_begins_anew(tmp_path: Path) -> None:
    lying = Live(made.RATE, model=made.live_graph(tmp_path / "lying.onnx", states='{"state_sound": [1, 1400], "state_count": [1, 7]}'))
    for _ in range(2):
        with pytest.raises(ModelError, match="fails while it runs"):
            lying.feed(made.speech(0.5))


@pytest.mark.skipif(not BUNDLED.is_file(), reason="the live graph is not trained yet")
def test_the_bundled_graph_is_no_later_than_a_tenth_of_a_second_and_small() -> None:
    stream = Live(44_100)
    assert stream.look_ahead_s + 0.5 / stream.facts.fps <= 0.1
    assert BUNDLED.stat().st_size + model.BUNDLED.stat().st_size <= 12e6
    curves, _, _ = streamed(stream, [np.zeros(44_100, np.float32)])
    assert len(curves) == 50 and np.isfinite(curves).all()
