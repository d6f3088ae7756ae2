from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; see training/requirements.txt")
soundfile = pytest.importorskip("soundfile")

from training import augment, corpora, quiet  # noqa: E402

HELD, HEARD = "rain__5-188655-A", "rain__1-29561-A"


def noise(seconds: float = 0.5) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(round(seconds * corpora.RATE))


def test_a_held_out_noise_is_not_in_the_corpus_that_training_hears(tmp_path: Path) -> None:
    (tmp_path / "noise" / "esc10").mkdir(parents=True)
    for name in (HELD, HEARD):
        soundfile.write(tmp_path / "noise" / "esc10" / f"{name}.opus", noise(), corpora.RATE, format="OGG", subtype="VORBIS")
    corpus = quiet.make(tmp_path / "cache", noise_folder=tmp_path / "noise")
    assert {HELD, HEARD} & {utterance.id for utterance in corpus.utterances} == {HEARD}


def test_a_held_out_room_does_not_ring_in_training(tmp_path: Path) -> None:
    def spectra() -> np.ndarray:
        return augment._room_spectra(np.random.default_rng(0), tmp_path)

    none = spectra()
    soundfile.write(tmp_path / "rir_clap.flac", noise(), corpora.RATE)
    assert np.array_equal(spectra(), none)
    soundfile.write(tmp_path / "some_room.flac", noise(), corpora.RATE)
    assert not np.array_equal(spectra(), none)
