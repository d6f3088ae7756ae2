from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from benchmarks import lips
from training import targets

SHARED = Path(os.environ.get("A2F_SHARED", Path(__file__).parents[3] / "shared"))
SENTENCE = [
    (0.0, 0.3, "sil"),
    (0.3, 0.38, "B"),
    (0.38, 0.5, "AA"),
    (0.5, 0.58, "M"),
    (0.58, 0.7, "IY"),
    (0.7, 0.8, "F"),
    (0.8, 0.95, "OW"),
    (0.95, 1.4, "sil"),
]


def flags(*spans: tuple[float, float], duration_s: float = 1.4) -> np.ndarray:
    times = lips.metric_times(duration_s)
    return np.any([(times >= start) & (times < end) for start, end in spans], axis=0)


def truth() -> np.ndarray:
    return lips.classes(SENTENCE, duration_s=1.4)


def test_the_truth_scores_one_against_itself() -> None:
    events = lips.score_closures(truth() == lips.CLOSED, truth())
    assert (events.true, events.predicted, events.f1, events.onset_f1, events.median_onset_s) == (2, 2, 1.0, 1.0, 0.0)
    assert lips.frame_accuracy(truth(), truth()) == 1.0


def test_a_closure_counts_within_40_ms_and_its_onset_within_40_ms() -> None:
    late = lips.score_closures(flags((0.33, 0.38), (0.60, 0.65)), truth())
    assert (late.matched, late.on_time) == (2, 1)
    missed = lips.score_closures(flags((0.3, 0.38), (0.63, 0.66)), truth())
    assert (missed.matched, missed.predicted) == (1, 2)


def test_closed_lips_in_a_pause_are_no_event() -> None:
    events = lips.score_closures(flags((0.0, 0.25), (0.3, 0.38), (0.5, 0.58), (1.0, 1.4)), truth())
    assert (events.predicted, events.f1) == (2, 1.0)
    resting = lips.score_closures(flags((0.0, 0.38), (0.5, 0.58), (0.96, 1.4)), truth())
    assert (resting.predicted, resting.f1, resting.onset_f1) == (2, 1.0, 1.0)


def test_one_long_closure_matches_one_true_one() -> None:
    events = lips.score_closures(flags((0.3, 0.6)), truth())
    assert (events.matched, events.predicted, events.true) == (1, 1, 2)
    assert (events + events).true == 4


def test_what_has_no_label_is_not_scored() -> None:
    unknown = lips.classes([(0.0, 0.5, "AA"), (0.5, 1.0, ""), (1.0, 1.4, "AA")], duration_s=1.4)
    assert lips.score_closures(flags((0.6, 0.7)), unknown).predicted == 0
    assert (unknown[50:100] == lips.UNSCORED).all()


def test_the_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    order = np.array([lips.CLOSED, lips.CLOSED, 3, 3, lips.SILENCE])
    assert lips.gap_auc(np.array([0.0, 0.2, 0.1, 0.3, -1.0]), order) == pytest.approx(3 / 4)
    assert lips.gap_auc(np.array([0.1, 0.1, 0.1, 0.1, 0.0]), order) == pytest.approx(1 / 2)


needs_heads = pytest.mark.skipif(not (SHARED / "heads").is_dir(), reason="the two heads of others are not on this machine")


@pytest.fixture(scope="module")
def heads() -> tuple[lips.Head, ...]:
    return lips.load_heads(SHARED / "heads")


@needs_heads
def test_the_gap_is_measured_between_the_lips(heads: tuple[lips.Head, ...]) -> None:
    for head in heads:
        weight = dict(zip(arkit.NAMES, head.weights, strict=True))
        assert weight["jawOpen"] == pytest.approx(1)
        assert -1.4 <= weight["mouthClose"] <= -1.0
        assert 0.05 < weight["mouthLowerDownLeft"] < 0.15 and 0.05 < weight["mouthUpperUpRight"] < 0.15
        assert -0.25 < weight["mouthShrugLower"] < -0.1


@needs_heads
def test_good_curves_close_where_the_phones_do(heads: tuple[lips.Head, ...]) -> None:
    curves = FaceCurves(50, 0.01, arkit.NAMES, targets.curves(SENTENCE, frames=70, fps=50))
    gap = lips.lip_gap(curves, heads, duration_s=1.4)
    events = lips.score_closures(lips.closed_lips(gap), truth())
    assert events.f1 == events.onset_f1 == 1
    assert lips.gap_auc(gap, truth()) > 0.95
    assert lips.gap_correlation(gap, truth()) > 0.4
