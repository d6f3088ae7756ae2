from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from a2f_addon.face import arkit
from a2f_addon.face.closure import GAP
from training import phones, targets

RATE = 16_000


def spoken(*segments: tuple[float, str]) -> list[tuple[float, float, str]]:
    """Segments of so many seconds, one after the other."""
    ends = np.cumsum([lasting for lasting, _ in segments])
    return [(float(end - lasting), float(end), phone) for end, (lasting, phone) in zip(ends, segments, strict=True)]


def mouth(segments: list[tuple[float, float, str]], *, fps: float = 100.0, **more: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    values = targets.curves(segments, frames=int(segments[-1][1] * fps), fps=fps, **more)
    return dict(zip(arkit.NAMES, values.T, strict=True))


def gap(channels: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    return sum(weight * channels[name] for name, weight in GAP.items())


def at(time_s: float, *, fps: float = 100.0) -> int:
    return int(time_s * fps)


utterances = st.lists(st.tuples(st.floats(0.02, 0.3), st.sampled_from(phones.PHONES)), min_size=1, max_size=25).map(lambda parts: spoken(*parts))


@given(utterances, st.floats(0.0, 3.0))
def test_any_utterance_gives_a_mouth_that_a_face_can_make(segments: list[tuple[float, float, str]], strength: float) -> None:
    frames = int(segments[-1][1] * 60) + 30
    values = targets.curves(segments, frames=frames, fps=60, effort=np.full(frames, strength, np.float32))
    channels = dict(zip(arkit.NAMES, values.T, strict=True))
    assert values.dtype == np.float32 and values.shape == (frames, 52)
    assert values.min() >= 0 and values.max() <= 1
    assert not values[:, [name not in arkit.MOUTH for name in arkit.NAMES]].any()
    assert (channels["mouthClose"] <= channels["jawOpen"]).all()
    for name in arkit.NAMES:
        if name.endswith("Left") and name != "mouthLeft":
            assert np.array_equal(channels[name], channels[name[:-4] + "Right"])
    assert np.abs(np.diff(values, axis=0)).max(initial=0) <= 0.5


@given(utterances)
def test_the_motion_is_the_same_at_any_frame_rate(segments: list[tuple[float, float, str]]) -> None:
    frames = int(segments[-1][1] * 50)
    slow = targets.curves(segments, frames=frames, fps=50)
    fast = targets.curves(segments, frames=3 * frames, fps=150)
    assert np.allclose(slow, fast[1::3], atol=1e-6)


@given(st.floats(0.0, 0.1), st.floats(0.01, 0.1), st.sampled_from(["P", "B", "M"]), st.sampled_from([25.0, 30.0, 50.0, 60.0]))
def test_every_closure_is_whole_on_some_frame_however_fast_the_speech(later: float, lasting: float, phone: str, fps: float) -> None:
    channels = mouth(spoken((0.2 + later, "AA"), (lasting, phone), (0.3, "AA")), fps=fps)
    opening = np.maximum(channels["jawOpen"] - channels["mouthClose"], channels["mouthLowerDownLeft"] + channels["mouthUpperUpLeft"])
    assert opening[at(0.17 + later, fps=fps) : at(0.25 + later + lasting, fps=fps)].min() < 1e-6


def test_neighbouring_closures_are_one_and_part_at_the_last_one_s_burst() -> None:
    channels = mouth(spoken((0.2, "AA"), (0.1, "P"), (0.1, "P"), (0.2, "AA")))
    together = slice(at(0.22), at(0.36))
    assert np.allclose(channels["mouthClose"][together], channels["jawOpen"][together], atol=1e-6)
    assert gap(channels)[at(0.41)] > 0.03


def test_the_lips_lead_their_sound() -> None:
    lower = mouth(spoken((0.3, "T"), (0.2, "AE"), (0.3, "T")))["mouthLowerDownLeft"][10:70]
    rise = np.clip(lower - lower[0], 0, None)
    assert (rise * (np.arange(10, 70) + 0.5) / 100).sum() / rise.sum() == pytest.approx(0.4 - 0.02, abs=0.004)


def test_every_phone_of_the_set_has_a_shape() -> None:
    for phone in phones.PHONES:
        assert np.isfinite(targets.curves(spoken((0.1, "sil"), (0.2, phone), (0.1, "sil")), frames=40, fps=100)).all()


def test_without_speech_the_mouth_rests() -> None:
    assert not targets.curves([], frames=20, fps=50).any()
    assert not targets.curves([(0.0, 1.0, "sil")], frames=50, fps=50).any()
    assert targets.curves([(0.0, 1.0, "AA")], frames=0, fps=50).shape == (0, 52)


def test_the_mouth_is_open_for_the_first_sound_and_shut_a_moment_after_the_last() -> None:
    channels = mouth(spoken((0.5, "sil"), (0.1, "S"), (0.2, "AA"), (0.1, "T"), (0.6, "sil")))
    assert gap(channels)[at(0.35) - 5] == 0 < gap(channels)[at(0.42)]
    assert gap(channels)[at(0.5)] > 0.1
    assert gap(channels)[at(0.95)] > 0.02
    assert not any(curve[at(1.15) :].any() for curve in channels.values())


def test_lips_that_rest_do_not_part_to_meet() -> None:
    channels = mouth(spoken((0.5, "sil"), (0.1, "B"), (0.2, "AA"), (0.1, "M"), (0.5, "sil")))
    assert gap(channels)[: at(0.58)].max() <= 0
    assert gap(channels)[at(0.82) :].max() <= 0.005


def test_the_jaw_follows_the_vowel_the_effort_and_the_time_that_it_gets() -> None:
    def height(phone: str, lasting: float = 0.2, **more: NDArray[np.float32]) -> float:
        segments = spoken((0.2, "sil"), (0.08, "T"), (lasting, phone), (0.08, "T"), (0.2, "sil"))
        return float(mouth(segments, **more)["jawOpen"].max())

    assert 0.35 < height("AA") < 0.55
    assert height("AA") > height("EH") > height("IH") > height("IY")
    assert height("AA", 0.07) < 0.8 * height("AA")
    assert height("AA", effort=np.full(76, 1.5, np.float32)) > 1.3 * height("AA")


def test_the_lower_lip_meets_the_teeth_without_a_seal() -> None:
    channels = mouth(spoken((0.2, "sil"), (0.15, "AH"), (0.1, "F"), (0.15, "AH"), (0.2, "sil")))
    middle = at(0.4)
    assert channels["mouthRollLower"][middle] > 0.4 and channels["mouthUpperUpLeft"][middle] > 0.2
    assert channels["mouthLowerDownLeft"][middle] < 0.02
    assert gap(channels)[middle] > 0.1


def test_rounding_begins_early_and_passes_through_the_tongue_s_phones() -> None:
    channels = mouth(spoken((0.2, "sil"), (0.2, "IY"), (0.08, "T"), (0.2, "UW"), (0.08, "T"), (0.2, "UW"), (0.2, "sil")))
    pucker = channels["mouthPucker"]
    assert pucker.max() > 0.6
    assert pucker[at(0.48 - 0.1)] > 0.05
    assert pucker[at(0.72)] > 0.8 * pucker.max()


def test_a_w_is_round_however_short_it_is() -> None:
    def pucker(lasting: float) -> float:
        return float(mouth(spoken((0.3, "AH"), (0.05, "V"), (lasting, "W"), (0.3, "AH")))["mouthPucker"].max())

    assert pucker(0.04) > 0.75 * pucker(targets.ROUNDED_AT_LEAST_S) > 0.45


def test_sibilants_bring_the_teeth_together() -> None:
    channels = mouth(spoken((0.2, "sil"), (0.15, "AA"), (0.1, "S"), (0.15, "AA"), (0.2, "sil")))
    assert channels["jawOpen"][at(0.40)] < 0.16 < 0.35 < channels["jawOpen"][at(0.27)]
    assert gap(channels)[at(0.40)] > 0.1


def test_a_diphthong_moves() -> None:
    channels = mouth(spoken((0.2, "sil"), (0.3, "AW"), (0.2, "sil")))
    assert channels["jawOpen"][at(0.28)] > 1.5 * channels["jawOpen"][at(0.47)]
    assert channels["mouthPucker"][at(0.47)] > channels["mouthPucker"][at(0.28)] + 0.1


def tone(lasting: float, level: float) -> NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * 150 * np.arange(round(lasting * RATE)) / RATE)).astype(np.float32)


@given(st.floats(-60, 20))
def test_effort_does_not_hear_the_recording_s_level(gain_db: float) -> None:
    audio = np.concatenate([tone(0.2, level) for level in (0.1, 0.1, 0.4, 0.05)])
    segments = spoken(*[(0.2, "AH")] * 4)
    gained = (audio * 10 ** (gain_db / 20)).astype(np.float32)
    assert np.allclose(targets.effort(gained, segments, 50), targets.effort(audio, segments, 50), atol=1e-3)


def test_effort_is_one_for_the_usual_vowel_and_follows_the_loud_and_the_soft() -> None:
    audio = np.concatenate([tone(0.2, level) for level in (0.1, 0.1, 0.4, 0.1, 0.025)])
    heard = targets.effort(audio, spoken(*[(0.2, "AH")] * 5), 50)
    assert heard.shape == (50,) and heard.dtype == np.float32
    assert heard[5] == pytest.approx(1, abs=0.02)
    louder = 2 ** (20 * np.log10(4) / targets.DOUBLE_EFFORT_DB)
    least, most = targets.EFFORT_RANGE
    assert heard[25] == pytest.approx(min(louder, most), abs=0.1)
    assert heard[45] == pytest.approx(max(1 / louder, least), abs=0.1)
    assert (targets.effort(audio, [(0.0, 1.0, "sil")], 50) == 1).all()
