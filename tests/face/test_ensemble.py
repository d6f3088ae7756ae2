from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from a2f_addon import Job
from a2f_addon.errors import SettingError
from a2f_addon.face.curves import FaceCurves
from a2f_addon.face.ensemble import average, average_speech
from a2f_addon.job import listen
from tests.face import said

LINE = said.line((0.3, "sil"), (0.1, "B"), (0.2, "AA"), (0.3, "sil"))


def ramp(fps: float, *, start: float = 0.0, slope: float = 1.0, names: tuple[str, ...] = ("jawOpen",)) -> FaceCurves:
    times = start + np.arange(round(fps)) / fps
    return FaceCurves(fps, start, names, np.repeat((slope * times)[:, None], len(names), axis=1).astype(np.float32))


def test_results_count_by_their_weights_on_the_first_ones_clock() -> None:
    mean = average([ramp(50.0, start=0.1), ramp(60.0, slope=0.5)], [3, 1])
    assert (mean.fps, mean.start, len(mean)) == (50.0, 0.1, 50)
    np.testing.assert_allclose(mean.channel("jawOpen")[:40], 0.875 * mean.times[:40], atol=1e-6)


def test_a_channel_counts_where_it_is() -> None:
    mean = average([ramp(50.0), ramp(50.0, slope=0.5, names=("headYaw", "jawOpen"))])
    assert mean.names == ("jawOpen", "headYaw")
    np.testing.assert_allclose(mean.channel("headYaw"), 0.5 * mean.times, atol=1e-6)
    np.testing.assert_allclose(mean.channel("jawOpen"), 0.75 * mean.times, atol=1e-6)


def test_one_result_is_its_own_mean() -> None:
    face, speech = said.face(LINE), said.speech(LINE)
    np.testing.assert_array_equal(average([face]).values, face.values)
    assert average_speech([speech]) is speech
    np.testing.assert_allclose(average_speech([speech, speech], [1, 3]).phones, speech.phones, atol=1e-6)


@pytest.mark.parametrize("weights", [(1.0,), (1.0, -1.0), (0.0, 0.0), (float("nan"), 1.0)])
def test_weights_that_do_not_fit_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(SettingError):
        average([ramp(50.0), ramp(50.0)], weights)
    with pytest.raises(SettingError):
        Job(Path("line.wav"), also=(Path("other.onnx"),), weights=weights)


def test_two_models_hear_together(recording: Path, graph: Path) -> None:
    alone, together = listen(Job(recording, model=graph)), listen(Job(recording, model=graph, also=(graph,), weights=(2.0, 1.0)))
    np.testing.assert_allclose(together.curves.values, alone.curves.values, atol=1e-6)
    np.testing.assert_allclose(together.speech.phones, alone.speech.phones, atol=1e-6)
