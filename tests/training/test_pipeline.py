"""From labelled sound to a graph that hears: sampling, a few steps of training, stopping and going on, and the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch; see training/requirements.txt")
pytest.importorskip("onnx", reason="training needs onnx; see training/requirements.txt")

from a2f_addon.errors import ModelError  # noqa: E402
from a2f_addon.speech import model  # noqa: E402
from training import augment, corpora, export, network, phones, train  # noqa: E402
from training.corpora import RATE, Recording, Segment  # noqa: E402

SMALL = network.Shape(width=32, dilations=(1, 2), mouth_width=16)
PLAIN = augment.Odds(**dict.fromkeys(augment.Odds.__dataclass_fields__, 0.0))
RECIPE = train.Recipe(minutes=6 / 60, batch=4)
"""Six steps by the clock of these tests."""


def said(phone: str, seconds: float, random: np.random.Generator) -> np.ndarray:
    """A sound that is unmistakable: a pitch for each phone."""
    times = np.arange(round(seconds * RATE)) / RATE
    if phone == phones.SILENCE:
        return np.zeros(len(times))
    if phone == "M":
        return 0.1 * np.sin(2 * np.pi * 250 * times)
    return 0.3 * np.sin(2 * np.pi * 900 * times) + 0.05 * random.standard_normal(len(times))


def utterance(index: int) -> Recording:
    random = np.random.default_rng(index)
    sounds, segments, at = [], list[Segment](), 0.0
    for phone in (phones.SILENCE, *["M", "AA"] * 4, phones.SILENCE):
        seconds = round(float(random.uniform(0.1, 0.3)), 2)
        sounds.append(said(phone, seconds, random))
        segments.append((at, at + seconds, phone))
        at += seconds
    return Recording(f"u{index}", f"speaker{index}", "en", "CC0-1.0", corpora.to_int16(np.concatenate(sounds)), tuple(segments))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    corpora.write_corpus(tmp_path / "cache", "made", [utterance(i) for i in range(6)], made_from="test")
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second passes with each step, however fast the machine."""
    seconds = count()
    monkeypatch.setattr(train, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))


@pytest.fixture
def source(cache: Path) -> augment.Source:
    return augment.Source(train.labels(cache, say=_quiet), rooms=None, seed=0, odds=PLAIN)


def test_labels_stay_with_their_sound(source: augment.Source) -> None:
    """Where a clip is labelled silent nothing sounds, and the other way round, but for the frames at a boundary."""
    batch = source.batch(8)
    power = np.square(batch.audio).reshape(8, augment.LABELS, -1).mean(2)
    sounds = power > 1e-3 * power.max()
    assert (sounds == (batch.phones != augment.SIL)).mean() > 0.97


def test_labels_stay_with_their_sound_at_another_speed(cache: Path) -> None:
    quick = augment.Source(train.labels(cache, say=_quiet), rooms=None, seed=0, odds=replace(PLAIN, speed=1.0, room=1.0))
    batch = quick.batch(8)
    power = np.square(batch.audio).reshape(8, augment.LABELS, -1).mean(2)
    loud, silent = power[batch.phones == phones.PHONES.index("AA")], power[batch.phones == augment.SIL]
    assert np.median(silent) < 0.1 * np.median(loud)


@pytest.mark.parametrize("change", ["speed", "recombined"])
def test_labels_stay_with_their_sound_to_the_end_of_a_clip(cache: Path, change: str) -> None:
    """AA is nine times as strong as M: by its power a label is the one or the other, but for those at a boundary, in a clip's last second too."""
    source = augment.Source(train.labels(cache, say=_quiet), rooms=None, seed=0, odds=replace(PLAIN, **{change: 1.0}))
    batch = source.batch(32)
    power = np.square(batch.audio).reshape(32, augment.LABELS, -1).mean(2)
    loud = power > 0.3 * np.percentile(power, 90, axis=1, keepdims=True)
    right = loud == (batch.phones == phones.PHONES.index("AA"))
    assert right[:, -100:].mean() > 0.96


def test_lips_are_sealed_in_the_curves_where_the_label_is_a_closure(source: augment.Source) -> None:
    batch = source.batch(8)
    closed = (batch.phones.reshape(8, augment.FRAMES, 2) == phones.PHONES.index("M")).all(2)
    open_vowel = (batch.phones.reshape(8, augment.FRAMES, 2) == phones.PHONES.index("AA")).all(2)
    press = batch.curves[:, :, list(network.CHANNELS).index("mouthPress")]
    assert press[closed].mean() > 4 * press[open_vowel].mean()


def test_a_compressor_lifts_what_is_quiet_and_a_gate_sinks_it_and_no_loud_part_moves(cache: Path) -> None:
    def quiet_below_loud_db(processed: float) -> np.ndarray:
        source = augment.Source(train.labels(cache, say=_quiet), rooms=None, seed=0, odds=replace(PLAIN, processed=processed))
        batch = source.batch(24)
        power = np.square(batch.audio).reshape(24, augment.LABELS, -1).mean(2)
        kinds = (augment.SIL, phones.PHONES.index("AA"))
        levels = [[np.median(row[ids == kind]) for kind in kinds] for row, ids in zip(power, batch.phones, strict=True)]
        return 10 * np.log10(np.array(levels)).T

    plain, processed = quiet_below_loud_db(0.0), quiet_below_loud_db(1.0)
    assert np.ptp(plain[1]) < 6 and np.abs(processed[1] - plain[1].mean()).max() < 6
    assert processed[0].max() > plain[0].max() + 5
    assert processed[0].min() < plain[0].min() - 10


def test_a_held_vowel_keeps_its_sound_its_label_and_its_mouth() -> None:
    """Four tenths of a second of a vowel at 150 Hz become longer: the pitch stays, and the labels grow with the sound."""
    times = np.arange(RATE) / RATE
    audio = np.where((times > 0.3) & (times < 0.7), np.sin(2 * np.pi * 150 * times), 0).astype(np.float32)
    vowel = phones.PHONES.index("AA")
    ids = np.where((np.arange(100) >= 30) & (np.arange(100) < 70), vowel, augment.SIL)
    curves = np.where(ids == vowel, 0.5, 0.0)[:, None]
    held, labels, mouths = augment.hold(np.random.default_rng(0), audio, ids, curves)
    assert len(held) == len(audio) and len(labels) == len(ids)
    assert (labels == vowel).sum() >= 65
    np.testing.assert_array_equal(mouths[:, 0] > 0, labels == vowel)
    power = np.square(held).reshape(100, -1).mean(1)
    assert (power[labels == vowel] > 0.02).mean() > 0.95
    spectrum = np.abs(np.fft.rfft(held[int(0.5 * RATE) :] * np.hanning(RATE // 2)))
    assert abs(spectrum.argmax() * 2 - 150) < 30


def test_the_same_seed_gives_the_same_clips(cache: Path) -> None:
    first, second = (augment.Source(train.labels(cache, say=_quiet), rooms=None, seed=3).batch(3) for _ in range(2))
    np.testing.assert_array_equal(first.audio, second.audio)
    np.testing.assert_array_equal(first.phones, second.phones)


def test_training_learns_and_its_graph_runs(cache: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    torch.manual_seed(0)
    file = train.train(cache, tmp_path / "run", recipe=replace(RECIPE, minutes=25 / 60, warm_up=0.2), shape=SMALL, say=lines.append)
    taught, facts = train.load(file)
    assert facts["steps"] == 25
    audio = utterance(99)
    sound = torch.from_numpy(audio.audio.astype(np.float32) / 32768)[None, : len(audio.audio) // network.HOP * network.HOP]
    with torch.no_grad():
        heard = taught(sound)[0]
        fresh = network.Network(SMALL).eval()(sound)[0]
    ids = torch.from_numpy(augment.phone_ids(_as_utterance(audio), frames=2 * heard.phones.shape[1]))[None].long()
    curves = torch.zeros_like(heard.mouth)
    assert train.losses(heard, ids, curves)["phones"] < train.losses(fresh, ids, curves)["phones"]
    export.export(taught, tmp_path / "made.onnx")
    assert model.load(tmp_path / "made.onnx").facts.phone_names == phones.PHONES


def test_a_live_network_learns_beside_the_offline_one_and_begins_with_what_that_knows(cache: Path, tmp_path: Path) -> None:
    """Its own weights and checkpoint, the same data and losses; and once there is an offline one it is done again, from there."""
    shape, still = replace(SMALL, ahead=(1, 1, 0)), replace(RECIPE, peak_rate=1e-12, last_rate=1e-12)
    file = train.train(cache, tmp_path / "run", recipe=still, shape=shape, say=_quiet)
    assert file.name == "live.pt"
    alone = file.read_bytes()
    offline, _ = train.load(train.train(cache, tmp_path / "run", recipe=RECIPE, shape=SMALL, say=_quiet))
    assert file.read_bytes() == alone
    taught, facts = train.load(train.train(cache, tmp_path / "run", recipe=still, shape=shape, say=_quiet))
    assert taught.shape == shape and facts["steps"] == 6
    begun = network.turned(offline.state_dict(), shape)["blocks.1.around.linear.weight"]
    torch.testing.assert_close(taught.blocks[1].around.linear.weight.detach(), begun)
    with torch.no_grad():
        said, loudness_db = taught(0.1 * torch.randn(2, 10 * network.HOP))
    assert said.phones.shape[1] == loudness_db.shape[1] == 10


def test_a_run_begins_with_the_weights_of_an_earlier_one_of_the_same_sizes(cache: Path, tmp_path: Path) -> None:
    first = train.train(cache, tmp_path / "first", recipe=RECIPE, shape=SMALL, say=_quiet)
    still = replace(RECIPE, peak_rate=0.0, last_rate=0.0)
    on, _ = train.load(train.train(cache, tmp_path / "on", recipe=still, shape=SMALL, begin=first, say=_quiet))
    # The weight of closures is taken out of the odds at each end.
    for name, value in train.load(first)[0].state_dict().items():
        if name != "phones.bias":
            torch.testing.assert_close(on.state_dict()[name], value)
    with pytest.raises(ModelError, match=r"other sizes"):
        train.train(cache, tmp_path / "on", recipe=RECIPE, shape=replace(SMALL, mouth_width=24), begin=first, say=_quiet)
    with pytest.raises(FileNotFoundError, match=r"to begin with"):
        train.train(cache, tmp_path / "on", recipe=RECIPE, shape=SMALL, begin=tmp_path / "none.pt", say=_quiet)


def test_the_mean_of_runs_lies_between_them() -> None:
    torch.manual_seed(0)
    one, other = network.Network(SMALL), network.Network(SMALL)
    between = train.mean(one, other).stem.linear.weight
    assert torch.allclose(train.mean(one, other, other).stem.linear.weight, (one.stem.linear.weight + 2 * other.stem.linear.weight) / 3, atol=1e-6)
    torch.testing.assert_close(between - one.stem.linear.weight, other.stem.linear.weight - between)
    with pytest.raises(ModelError, match="different sizes"):
        train.mean(one, network.Network(replace(SMALL, width=16)))


def test_the_weight_of_closures_in_the_loss_is_taken_out_of_their_odds() -> None:
    """What counts closed frames so many times ends with odds that are so many times too high."""
    torch.manual_seed(0)
    counted = network.Network(SMALL).eval()
    true = network.Network(SMALL).eval()
    true.load_state_dict(train.balanced(counted.state_dict()))
    sound = 0.1 * torch.randn(1, 10 * network.HOP)
    with torch.no_grad():
        odds = [torch.logit(taught(sound)[0].phones.exp()[:, :, list(train.CLOSED)].sum(2)) for taught in (counted, true)]
    torch.testing.assert_close((odds[0] - odds[1]).exp(), torch.full_like(odds[0], train.CLOSED_WEIGHT))


def test_a_run_that_has_ended_is_not_done_again_unless_what_it_is_made_from_changes(cache: Path, tmp_path: Path) -> None:
    file = train.train(cache, tmp_path / "run", recipe=RECIPE, shape=SMALL, say=_quiet)
    before = file.stat().st_mtime_ns
    train.train(cache, tmp_path / "run", recipe=RECIPE, shape=SMALL, say=_quiet)
    assert file.stat().st_mtime_ns == before
    train.train(cache, tmp_path / "run", recipe=replace(RECIPE, seed=1), shape=SMALL, say=_quiet)
    assert file.stat().st_mtime_ns > before


def test_a_run_that_was_stopped_goes_on(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed in the middle of a step; the next one has the steps and the time of the first behind it."""
    monkeypatch.setattr(train, "CHECKPOINT_EVERY_S", 0.0)
    steps = _stopping(train._step, after=3)
    with monkeypatch.context() as patch:
        patch.setattr(train, "_step", steps)
        with pytest.raises(KeyboardInterrupt):
            train.train(cache, tmp_path / "run", recipe=RECIPE, shape=SMALL, say=_quiet)
    lines: list[str] = []
    train.train(cache, tmp_path / "run", recipe=RECIPE, shape=SMALL, say=lines.append)
    assert any("going on after" in line and "3 steps" in line for line in lines)


def test_an_empty_cache_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no speech to train on"):
        train.labels(tmp_path, say=_quiet)


def _stopping(step, *, after: int):  # type: ignore[no-untyped-def]
    left: Iterator[int] = iter(range(after))

    def stopped(*arguments, **options):  # type: ignore[no-untyped-def]
        if next(left, None) is None:
            raise KeyboardInterrupt
        return step(*arguments, **options)

    return stopped


def _as_utterance(recording: Recording) -> corpora.Utterance:
    return corpora.Utterance("u", "made", "s", "en", "CC0-1.0", corpora.TRAIN, 0, len(recording.audio), recording.phones)


def _quiet(line: str) -> None:
    del line
