"""A performer who is made: half the jaw and a lasting smile. What is learnt of them is judged on a clip that was in no capture."""

from __future__ import annotations

import dataclasses
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch", reason="training needs torch; see training/requirements.txt")
pytest.importorskip("onnx", reason="training needs onnx; see training/requirements.txt")

from a2f_addon import commands  # noqa: E402
from a2f_addon.face import arkit  # noqa: E402
from a2f_addon.face.curves import FaceCurves  # noqa: E402
from a2f_addon.files import blendshapes, livelink  # noqa: E402
from a2f_addon.speech import model  # noqa: E402
from training import augment, captures, corpora, export, finetune, network, phones, targets, train  # noqa: E402
from training.__main__ import main  # noqa: E402
from training.captures import CaptureError  # noqa: E402
from training.corpora import RATE, Recording, Segment  # noqa: E402

SMALL = network.Shape(width=32, dilations=(1, 2), mouth_width=24)
RECIPE = finetune.Recipe(minutes=1.0, batch=4, rate=3e-3)
PLAIN = augment.Odds(**dict.fromkeys(augment.Odds.__dataclass_fields__, 0.0))
LATE_S = 0.12
PITCHES = {"M": 250, "AA": 900, "UW": 500}


def utterance(index: int, *, syllables: int = 14) -> Recording:
    """Each phone a pitch of its own."""
    random = np.random.default_rng(index)
    sounds, segments, at = [], list[Segment](), 0.0
    for phone in (phones.SILENCE, *[one for _ in range(syllables) for one in ("M", str(random.choice(["AA", "UW"])))], phones.SILENCE):
        seconds = round(float(random.uniform(0.1, 0.3)), 2)
        tone = np.sin(2 * np.pi * PITCHES.get(phone, 0) * np.arange(round(seconds * RATE)) / RATE)
        sounds.append(0.2 * tone + 0.001 * random.standard_normal(len(tone)))
        segments.append((at, at + seconds, phone))
        at += seconds
    return Recording(f"u{index}", f"speaker{index}", "en", "CC0-1.0", corpora.to_int16(np.concatenate(sounds)), tuple(segments))


def performance(said: Recording, fps: float, *, late_s: float = 0.0) -> FaceCurves:
    """Half the jaw and a smile, as a phone's tracker gives it: with jitter, a pursed left eye, and lips that never quite meet."""
    frames = int(len(said.audio) / RATE * fps)
    at = np.maximum(np.arange(frames) - round(late_s * fps), 0)
    values = targets.curves(said.phones, frames=frames, fps=fps)[at]
    values[:, arkit.NAMES.index("jawOpen")] *= 0.5
    values[:, arkit.NAMES.index("mouthClose")] *= 0.3
    for name in ("mouthSmileLeft", "mouthSmileRight"):
        values[:, arkit.NAMES.index(name)] += 0.25
    values[:, arkit.NAMES.index("eyeSquintLeft")] = 0.3 + 0.2 * np.sin(np.arange(frames) / fps)
    noise = np.random.default_rng(frames).normal(0, 0.01, values.shape)
    return FaceCurves(fps, 50_000.25, arkit.NAMES, np.clip(values + noise, 0, 1).astype(np.float32))


def write_take(folder: Path, index: int, *, late_s: float = LATE_S) -> None:
    """Every other take as a CSV and as a pair."""
    said = utterance(index)
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / f"take{index}.wav", said.audio, RATE)
    if index % 2:
        livelink.write(folder / f"take{index}.csv", performance(said, 60.0, late_s=late_s))
    else:
        blendshapes.write(folder / f"take{index}", performance(said, 25.0, late_s=late_s))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("captures")
    for index in range(1, 6):
        write_take(made, index)
    return made


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that has learnt those pitches, as the add-on has it."""
    place = tmp_path_factory.mktemp("pretrained")
    corpora.write_corpus(place / "cache", "made", [utterance(i) for i in range(20, 28)], made_from="test")
    source = augment.Source(train.labels(place / "cache", say=lambda line: None), rooms=None, seed=0, odds=PLAIN)
    torch.manual_seed(0)
    taught = network.Network(SMALL)
    optimiser = torch.optim.AdamW(taught.parameters(), lr=5e-3)
    for _ in range(70):
        batch = source.batch(6)
        said, _ = taught(torch.from_numpy(batch.audio))
        optimiser.zero_grad()
        torch.stack(list(train.losses(said, torch.from_numpy(batch.phones), torch.from_numpy(batch.curves)).values())).sum().backward()
        optimiser.step()
    export.export(taught.eval(), place / "small.onnx")
    return place / "small.onnx"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second passes with each step, however fast the machine."""
    seconds = count()
    monkeypatch.setattr(finetune, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))


@pytest.fixture(scope="module")
def tuned(folder: Path, pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], finetune.Figures, finetune.Figures]:
    place, lines = tmp_path_factory.mktemp("tuned"), list[str]()
    with pytest.MonkeyPatch.context() as patch:
        seconds = count()
        patch.setattr(finetune, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
        figures = finetune.finetune(folder, place / "my.onnx", pretrained=pretrained, runs=place, recipe=RECIPE, say=lines.append)
    return place / "my.onnx", lines, *figures


def mouth(graph: Path, said: Recording) -> finetune.Heard:
    return finetune.hear(finetune.network_from_graph(graph), said.audio.astype(np.float32) / 32768)


def test_the_network_of_a_graph_is_the_one_that_was_exported(tmp_path: Path) -> None:
    torch.manual_seed(1)
    made = network.Network(network.Shape(width=24, dilations=(1, 3, 2), mouth_width=16, mouth_dilations=(2,))).eval()
    export.export(made, tmp_path / "small.onnx")
    again = finetune.network_from_graph(tmp_path / "small.onnx")
    assert again.shape == made.shape
    for name, value in again.state_dict().items():
        torch.testing.assert_close(value, made.state_dict()[name].half().float())


both_kinds = pytest.mark.parametrize("shape", [SMALL, dataclasses.replace(network.LIVE, width=24, mouth_width=16)], ids=["offline", "live"])


@both_kinds
def test_a_long_take_is_heard_in_pieces_as_if_at_once(shape: network.Shape, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the network, and by the one that is read back from its graph."""
    torch.manual_seed(0)
    made = network.Network(shape).eval()
    sound = np.concatenate([utterance(i).audio for i in range(3)]).astype(np.float32) / 32768
    with torch.no_grad():
        said, loudness_db = made(torch.from_numpy(np.pad(sound, (0, -len(sound) % network.HOP)))[None])
    monkeypatch.setattr(finetune, "HEARD_S", 5.0)
    monkeypatch.setattr(finetune, "STREAMED_S", 5.0)
    heard = finetune.hear(made, sound)
    np.testing.assert_allclose(heard.mouth, said.mouth[0].clamp(0, 1), atol=1e-4)
    np.testing.assert_allclose(heard.speech.phones, said.phones[0].exp(), atol=1e-4)
    np.testing.assert_allclose(heard.speech.loudness_db, loudness_db[0], atol=1e-2)
    export.export(made, tmp_path / "small.onnx")
    again = finetune.hear(finetune.network_from_graph(tmp_path / "small.onnx"), sound)
    np.testing.assert_allclose(again.mouth, heard.mouth, atol=0.01)


@both_kinds
def test_only_the_mouth_is_taught(shape: network.Shape) -> None:
    torch.manual_seed(0)
    original, said = network.Network(shape).eval(), utterance(1)
    heard = finetune.hear(original, said.audio.astype(np.float32) / 32768)
    wanted = np.zeros((2 * len(heard.mouth), len(network.CHANNELS)), np.float32)
    take = finetune.Performance("take", said.audio.astype(np.float32) / 32768, wanted, wanted, heard, judged=(200, len(heard.mouth)))
    tuning = finetune._begin(original, [take], RECIPE)
    source = augment.Source({"captures": finetune.labelled([take])}, rooms=None, seed=0)
    noises = finetune._noises(np.random.default_rng(0))
    parts = [finetune._step(tuning, original, source.batch(3), noises, RECIPE) for _ in range(2)]
    assert all(np.isfinite(list(part.values())).all() for part in parts)
    before = original.state_dict()
    changed = {name for name, value in tuning.network.state_dict().items() if not torch.equal(value.cpu(), before[name])}
    assert changed and all(name.startswith(("mouth.", "poses.")) for name in changed)


def test_the_bundled_model_can_be_taught_on() -> None:
    network_of, graph = finetune.network_from_graph(model.BUNDLED), model.load()
    sound = utterance(1, syllables=4).audio.astype(np.float32) / 32768
    from a2f_addon.speech.audio import Recording as Sound

    curves, _ = graph.listen(Sound("made", RATE, 0.0, len(sound), iter([sound])))
    heard = finetune.hear(network_of, sound)
    jaw = heard.mouth[:, list(network.CHANNELS).index("jawOpen")]
    np.testing.assert_allclose(jaw, curves.channel("jawOpen"), atol=1e-3)


def test_a_model_of_somebody_else_cannot_be_taught_on(graph: Path, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="not a model that this version's training made"):
        finetune.network_from_graph(graph)
    (tmp_path / "text.onnx").write_text("no model", "utf-8")
    for path, sentence in ((tmp_path / "text.onnx", "is no ONNX file|not a model"), (tmp_path / "gone.onnx", "no model file")):
        with pytest.raises(CaptureError, match=sentence):
            finetune.network_from_graph(path)


def test_a_clip_of_nobodys_captures_comes_nearer_to_the_performer(tuned: tuple, pretrained: Path) -> None:
    said = utterance(77)
    wanted = finetune._framed(performance(said, 100.0).values[: 2 * (len(said.audio) // network.HOP), network.COLUMNS])
    errors = {graph: np.abs(mouth(graph, said).mouth[: len(wanted)] - wanted).mean(axis=0) for graph in (pretrained, tuned[0])}
    before, after = errors[pretrained], errors[tuned[0]]
    assert after.mean() < 0.6 * before.mean()
    for channel in ("jawOpen", "mouthSmile"):
        column = list(network.CHANNELS).index(channel)
        assert after[column] < 0.5 * before[column]


def test_what_is_heard_and_sealed_stays(tuned: tuple, pretrained: Path) -> None:
    """Though the captured lips never meet: mouthClose reaches a third of what the jaw asks for."""
    said = utterance(78)
    before, after = mouth(pretrained, said), mouth(tuned[0], said)
    np.testing.assert_allclose(after.speech.phones, before.speech.phones, atol=1e-5)
    gap = captures.lip_gap(finetune._face(after))
    frames = [round((start + 0.5 * (end - start)) * 50) for start, end, phone in said.phones if phone == "M" and end - start > 0.15]
    heard = [frame for frame in frames if captures.lip_gap(finetune._face(before))[frame] < finetune.MET]
    assert len(heard) >= 4 and np.mean(gap[heard] < finetune.MET) > 0.8


def test_it_is_told_what_was_found_and_the_figures_are_of_what_was_held_out(tuned: tuple) -> None:
    _, lines, before, after = tuned
    assert sum("ms after its sound" in line for line in lines) == 5
    late_ms = [float(line.split("the face ")[1].split(" ms")[0]) for line in lines if "ms after" in line]
    np.testing.assert_allclose(late_ms, 1000 * LATE_S, atol=40)
    assert any("25 frames a second" in line for line in lines) and any("60 frames a second" in line for line in lines)
    assert any("does not speak eyeSquintLeft" in line for line in lines)
    assert after.error < 0.7 * before.error and after.jaw < before.jaw
    assert "| before | after |" in finetune.table(before, after)


def test_the_result_is_the_add_ons_model(tuned: tuple, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "line.wav", utterance(79).audio, RATE)
    assert commands.main(["bake", str(tmp_path / "line.wav"), "-o", str(tmp_path / "line.csv"), "--model", str(tuned[0]), "--fps", "60"]) == 0
    curves = livelink.read(tmp_path / "line.csv")
    assert curves.names[:52] == arkit.NAMES and curves.channel("jawOpen").max() > 0.05
    assert model.load(tuned[0]).facts.name == "my"


def test_a_run_that_was_stopped_goes_on(folder: Path, pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetune, "CHECKPOINT_EVERY_S", 0.0)
    step, left = finetune._step, iter(range(3))

    def stopped(*arguments: object) -> object:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return step(*arguments)

    recipe = finetune.Recipe(minutes=0.1, batch=4)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(finetune, "_step", stopped)
        finetune.finetune(folder, tmp_path / "my.onnx", pretrained=pretrained, runs=tmp_path, recipe=recipe, say=lambda line: None)
    assert not (tmp_path / "my.onnx").exists()
    lines: list[str] = []
    finetune.finetune(folder, tmp_path / "my.onnx", pretrained=pretrained, runs=tmp_path, recipe=recipe, say=lines.append)
    assert any("going on after" in line and "3 steps" in line for line in lines)


def test_what_cannot_be_learnt_from_is_named_and_the_rest_is_used(folder: Path, pretrained: Path, tmp_path: Path) -> None:
    write_take(tmp_path, 1)
    write_take(tmp_path, 3)
    (tmp_path / "take3.csv").write_text("Timecode,BlendshapeCount,JawOpen\n", "utf-8")
    write_take(tmp_path, 5)
    (tmp_path / "take5.csv").write_text("name,age\nAnna,7\n", "utf-8")
    soundfile.write(tmp_path / "alone.wav", np.zeros(RATE), RATE)
    (tmp_path / "other.csv").write_text("a,b\n", "utf-8")
    lines: list[str] = []
    takes = finetune.perform(finetune.network_from_graph(pretrained), tmp_path, fps=None, say=lines.append)
    assert [take.name for take in takes] == ["take1"]
    said = "\n".join(lines)
    for sentence in ("take3.csv' holds no frames", "take5.csv' has no columns", "alone.wav' has no capture", "other.csv' has no sound"):
        assert sentence in said


def test_a_capture_of_other_words_is_refused(pretrained: Path, tmp_path: Path) -> None:
    for index in (1, 3, 5):
        write_take(tmp_path, index)
        livelink.write(tmp_path / f"take{index}.csv", performance(utterance(50 + index), 60.0))
    with pytest.raises(CaptureError, match="follow"):
        finetune.perform(finetune.network_from_graph(pretrained), tmp_path, fps=None, say=lambda line: None)


def test_a_capture_that_starts_elsewhere_is_refused(pretrained: Path, tmp_path: Path) -> None:
    write_take(tmp_path, 1, late_s=1.3)
    with pytest.raises(CaptureError, match=r"come 1\.\d\d s after their sounds"):
        finetune.perform(finetune.network_from_graph(pretrained), tmp_path, fps=None, say=lambda line: None)


def test_a_pair_without_a_usual_rate_asks_for_it(tmp_path: Path) -> None:
    write_take(tmp_path, 2)
    (take,), _ = captures.find(tmp_path)
    duration_s = len(utterance(2).audio) / RATE
    assert captures.face_of(take, duration_s=duration_s).fps == 25.0
    with pytest.raises(CaptureError, match="say its frame rate with --fps"):
        captures.face_of(take, duration_s=duration_s / 5)
    assert captures.face_of(take, duration_s=duration_s, fps=100.0).fps == 100.0


def test_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["finetune"]) == 2
    assert main(["finetune", "--captures", str(tmp_path), "--out", str(tmp_path / "my.onnx")]) == 2
    assert "holds no take" in capsys.readouterr().err
