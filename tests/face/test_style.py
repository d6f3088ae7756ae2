from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.errors import SettingError
from a2f_addon.face import arkit, closure, style
from a2f_addon.face.curves import FaceCurves
from a2f_addon.face.style import FREE, Moves, Style, blend, imitate, measure
from a2f_addon.files import styles
from tests.face import said

WORDS = "B AA M IY S OW F EH T UW sil".split()
LASTING_S = (0.10, 0.15, 0.08, 0.20, 0.10, 0.16, 0.09, 0.14, 0.10, 0.18, 0.30)
LINE = said.line((0.4, "sil"), *(6 * list(zip(LASTING_S, WORDS, strict=True))))


def performance(seed: int, *, size: float = 1.0, smooth_s: float = 0.0, fps: float = 50.0) -> FaceCurves:
    """A talking face with brows and a head, its movements some so large and some so slow."""
    random = np.random.default_rng(seed)
    face = said.face(LINE)
    values = np.clip(face.values * size * random.uniform(0.8, 1.2, 52), 0, 1)
    values = np.concatenate((values, np.zeros((len(face), 3))), axis=1)
    names = (*arkit.NAMES, *arkit.HEAD)
    times = face.times[:, None]
    for group, most in ((arkit.BROWS, 0.3), (arkit.HEAD, 0.05)):
        waves = sum(np.sin(2 * np.pi * times * random.uniform(0.2, 3.0, len(group)) + random.uniform(0, 6, len(group))) for _ in range(12))
        values[:, [names.index(name) for name in group]] = most * size * (waves / 16 + (0.5 if group is arkit.BROWS else 0))
    if smooth_s:
        taps = style.gaussian(smooth_s * 50)
        values = np.stack([style.averaged(column.astype(np.float32), taps) for column in values.T], axis=1)
    place = np.arange(0, face.times[-1] - 0.02, 1 / fps)
    at_rate = np.stack([np.interp(place, face.times, column) for column in values.T], axis=1)
    return FaceCurves(fps, 0.0, names, at_rate.astype(np.float32))


def sealed(curves: FaceCurves) -> FaceCurves:
    return closure.seal(curves, said.speech(LINE), closure.Closure())


def missed(curves: FaceCurves, target: Style, names: tuple[str, ...]) -> float:
    """By which share the worst of the figures is missed."""
    reached = measure(curves).channels
    pairs = [(reached[name], target.channels[name]) for name in names]
    return max(abs(is_ - be) / be for one, other in pairs for is_, be in zip(one[1:], other[1:], strict=True))


def moving(*performances: FaceCurves) -> tuple[str, ...]:
    """What all of them move; of what contacts alone move, no style can ask more than the contacts give."""
    pressed = ("mouthPressLeft", "mouthPressRight", "mouthRollUpper", "mouthRollLower")
    found = [measure(curves).channels for curves in performances]
    return tuple(name for name in FREE if name not in pressed and all(name in one and one[name].spread > 0.01 for one in found))


def test_a_performers_own_style_changes_nothing() -> None:
    own = performance(1)
    assert np.abs(imitate(own, measure(own)).values - own.values).max() < 1e-5
    assert np.abs(imitate(own, measure(sealed(own)), finish=sealed).values - own.values).max() < 1e-5


def test_a_style_kept_in_a_file_is_the_same(tmp_path: object) -> None:
    from pathlib import Path

    own = performance(1)
    path = Path(str(tmp_path)) / "mine.toml"
    styles.write(path, measure(own, description='A "quoted" name'))
    read = styles.read(path)
    assert read.description == 'A "quoted" name'
    assert np.abs(imitate(own, read).values - own.values).max() < 1e-4


@pytest.mark.parametrize("other", [{"size": 0.6}, {"size": 1.3}, {"size": 0.9, "smooth_s": 0.05}])
def test_anothers_style_is_reached_to_a_tenth_with_the_seals_in_it(other: dict[str, float]) -> None:
    source, target = performance(1), measure(sealed(performance(2, **other)))
    styled = sealed(imitate(source, target, finish=sealed))
    names = moving(sealed(source), sealed(performance(2, **other)))
    assert len(names) > 12
    assert missed(styled, target, names) < 0.10


def test_what_a_style_does_not_know_is_left_bit_for_bit() -> None:
    own = performance(1)
    target = Style({"jawOpen": Moves(0.0, 0.05, 0.4), "browInnerUp": Moves(0.1, 0.02, 0.1)})
    styled = imitate(own, target)
    changed = {name for name in own.names if not np.array_equal(own.channel(name), styled.channel(name))}
    assert changed == {"jawOpen", "mouthClose", "browInnerUp"}


def test_lips_that_met_still_meet() -> None:
    own = sealed(performance(1))
    styled = imitate(own, Style({"jawOpen": style.NONE}, factors={"jawOpen": Moves(1.0, 0.5, 2.0)}))
    assert (styled.channel("mouthClose") <= styled.channel("jawOpen") + 0.02).all()
    together = own.channel("mouthClose") > 0.99 * own.channel("jawOpen")
    assert np.abs(styled.channel("mouthClose") - styled.channel("jawOpen"))[together].max() < 0.03


@given(st.floats(0.0, 1.0))
def test_strength_lies_between_nothing_and_all_of_it(strength: float) -> None:
    own = performance(1)
    target = Style({"browInnerUp": Moves(0.05, 0.02, 0.1)})
    before, after = measure(own).channels["browInnerUp"], measure(imitate(own, target, strength=strength)).channels["browInnerUp"]
    assert after.spread == pytest.approx((1 - strength) * before.spread + strength * 0.02, rel=0.05)


@pytest.mark.parametrize("name", styles.names())
def test_every_style_that_comes_along_keeps_values_in_range_and_gives_the_same_at_every_rate(name: str) -> None:
    at = {fps: imitate(performance(3, fps=fps), styles.read(name)) for fps in (24.0, 29.97, 30.0, 60.0)}
    assert styles.read(name).description
    for fps, curves in at.items():
        shapes = curves.values[:, curves.columns(arkit.NAMES)]
        assert np.isfinite(curves.values).all() and shapes.min() >= 0 and shapes.max() <= 1
        for column in range(len(curves.names)):
            same = np.interp(curves.times, at[60.0].times, at[60.0].values[:, column])
            # What is sampled more coarsely has less of the quickest movements.
            assert np.sqrt(np.mean((same - curves.values[:, column]) ** 2)) < 0.02 * (60 / fps)


def test_blinks_and_looks_are_counted() -> None:
    values = np.zeros((600, 52), np.float32)
    for blink in (50, 200, 330):
        values[blink : blink + 5, [arkit.NAMES.index("eyeBlinkLeft"), arkit.NAMES.index("eyeBlinkRight")]] = 1
    values[100:200, arkit.NAMES.index("eyeLookOutLeft")] = 0.3
    values[:, arkit.NAMES.index("jawOpen")] = np.linspace(0, 1, 600)
    found = measure(FaceCurves(60.0, 0.0, arkit.NAMES, values))
    assert found.blinks_per_minute == pytest.approx(18) and found.looks_per_minute == pytest.approx(12)


def test_two_styles_blend_in_between() -> None:
    first, second = Style({"jawOpen": Moves(0, 0.1, 1)}, blinks_per_minute=10), Style({"jawOpen": Moves(0.1, 0.2, 3)}, looks_per_minute=8)
    both = blend(first, second, 0.25)
    assert both.channels["jawOpen"] == pytest.approx(Moves(0.025, 0.125, 1.5))
    assert (both.blinks_per_minute, both.looks_per_minute) == (10, 8)


def test_a_measured_style_and_one_of_factors_blend_into_what_lies_between_their_effects() -> None:
    own = performance(1)
    measured, shipped = measure(performance(2, size=0.6)), styles.read("exuberant")
    names = ("jawOpen", "browInnerUp", "headYaw")
    goals = {share: measure(imitate(own, blend(measured, shipped, share))).channels for share in (0.0, 0.5, 1.0)}
    for name in names:
        ends = [measure(imitate(own, each)).channels[name] for each in (measured, shipped)]
        assert goals[0.0][name] == pytest.approx(ends[0], rel=0.01, abs=0.003) and goals[1.0][name] == pytest.approx(ends[1], rel=0.01, abs=0.003)
        assert goals[0.5][name][1:] == pytest.approx(np.mean(ends, axis=0)[1:], rel=0.08)


@pytest.mark.parametrize(("frames", "sentence"), [(0, "too short"), (200, "too short"), (600, "Nothing moves")])
def test_too_little_to_tell_a_style_from_is_refused(frames: int, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        measure(FaceCurves(60.0, 0.0, arkit.NAMES, np.zeros((frames, 52), np.float32)))


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_next_to_no_frames_are_no_error(frames: int) -> None:
    curves = FaceCurves(30.0, 0.0, arkit.NAMES, np.full((frames, 52), 0.3, np.float32))
    assert len(imitate(curves, styles.read("exuberant"))) == frames
