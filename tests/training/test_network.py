"""What the network promises before it has learnt anything: no level disturbs it, and it hears no further than it says."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch; see training/requirements.txt")

from training import network  # noqa: E402
from training.network import BLOCK, HOP, RATE, FrontEnd, Network, Shape  # noqa: E402

SMALL = Shape(width=16, dilations=(1, 4), mouth_width=8)


def babble(seconds: float, *, seed: int = 0) -> torch.Tensor:
    """Noise that swells and fades as syllables do, at a recording's usual level, [1, samples]."""
    random = torch.Generator().manual_seed(seed)
    samples = round(seconds * RATE) // HOP * HOP
    swell = torch.sin(torch.arange(samples) / RATE * 2 * torch.pi * 3).clamp(min=0.001)
    return 0.05 * swell * torch.randn(1, samples, generator=random)


@pytest.fixture(scope="module")
def small() -> Network:
    torch.manual_seed(0)
    return Network(SMALL).eval()


@pytest.mark.parametrize("gain_db", [-50, -30, 20])
def test_the_level_of_a_recording_makes_no_difference(gain_db: float) -> None:
    heard = FrontEnd()(babble(6))
    other = FrontEnd()(babble(6) * 10 ** (gain_db / 20))
    assert torch.allclose(other.spectrum, heard.spectrum, atol=1e-3)
    assert torch.allclose(other.channel, heard.channel, atol=1e-3)
    assert torch.allclose(other.loudness_db - heard.loudness_db, torch.tensor(float(gain_db)), atol=1e-2)


def test_digital_silence_looks_like_silence_and_not_like_a_sound_at_its_own_level(small: Network) -> None:
    silence = torch.zeros(1, 3 * RATE)
    heard = FrontEnd()(silence)
    assert heard.spectrum.abs().max() == 0
    said, loudness_db = small(silence)
    assert all(torch.isfinite(part).all() for part in (*said, loudness_db))


def test_a_pause_in_a_recording_does_not_bring_its_noise_up() -> None:
    """The level is that of speech: 40 dB below it, half a second of hiss stays low though nothing else is near."""
    audio = babble(4)
    audio[:, int(1.8 * RATE) : int(2.3 * RATE)] = 0.0005 * torch.randn(1, int(0.5 * RATE), generator=torch.Generator().manual_seed(1))
    spectrum = FrontEnd()(audio).spectrum
    syllables = spectrum[0, :80].mean(1).quantile(0.9)
    assert spectrum[0, 95:110].mean() < syllables - 6 / network.SPAN


def test_a_steady_sound_is_not_taken_away_by_its_own_mean() -> None:
    tone = 0.1 * torch.sin(torch.arange(4 * RATE) / RATE * 2 * torch.pi * 700)[None]
    spectrum = FrontEnd()(tone).spectrum.unflatten(2, (2, network.MELS))[0, 50:150, 0]
    assert spectrum.max(1).values.min() > spectrum.median(1).values.max() + 1


def test_a_frame_hears_no_further_than_the_context(small: Network) -> None:
    context = network.context_samples(SMALL)
    audio = babble(12)
    frame = 290
    changed = audio.clone()
    changed[:, : frame * HOP - context] = 0
    changed[:, (frame + 1) * HOP + context :] = 0
    for before, after in zip(_frames(small, audio), _frames(small, changed), strict=True):
        assert torch.allclose(before[:, frame], after[:, frame], atol=1e-6)


def test_the_context_is_not_larger_than_it_needs_to_be(small: Network) -> None:
    """At the worst phase of the level's blocks the furthest block within the context does count, on either side."""
    context, half = network.context_samples(SMALL), network.FRAMES_PER_BLOCK // 2
    early, late = 300 + SMALL.reach_frames + half - 1, 300 - SMALL.reach_frames + half
    for frame, start in ((early, early * HOP - context), (late, (late + 1) * HOP + context - BLOCK)):
        audio = babble(14)
        heard = _frames(small, audio)[1][:, frame]
        audio[:, start : start + BLOCK] *= 1e4
        assert not torch.allclose(_frames(small, audio)[1][:, frame], heard, atol=1e-6)


def test_a_window_with_its_context_is_as_good_as_the_whole(small: Network) -> None:
    context = network.context_samples(SMALL)
    audio = babble(20)
    whole = _frames(small, audio)
    start = -(-context // BLOCK) * BLOCK
    first, last = start // HOP, start // HOP + 90
    window = audio[:, start - -(-context // BLOCK) * BLOCK : last * HOP + -(-context // HOP) * HOP]
    for a, b in zip(whole, _frames(small, window), strict=True):
        assert torch.allclose(a[:, first:last], b[:, first:last], atol=1e-4)
    later = 3 * BLOCK
    for a, b in zip(whole, _frames(small, audio[:, later:]), strict=True):
        skip = -(-context // HOP)
        assert torch.allclose(a[:, later // HOP + skip :], b[:, skip:], atol=1e-4)


def _frames(taught: Network, audio: torch.Tensor) -> list[torch.Tensor]:
    with torch.no_grad():
        said, loudness_db = taught(audio)
    return [*said, loudness_db]


# ---- live ------------------------------------------------------------------------------------------------------------------------------------------

SMALL_LIVE = Shape(width=16, dilations=(1, 4), mouth_width=8, ahead=(1, 1, 2))


@pytest.fixture(scope="module")
def live() -> Network:
    torch.manual_seed(0)
    return Network(SMALL_LIVE).eval()


@pytest.mark.parametrize("hops", [1, 3, 50])
def test_a_stream_in_pieces_gives_what_the_whole_gives(live: Network, hops: int) -> None:
    audio = babble(2)
    wanted = _frames(live, audio)
    whole, states, pieces = live.whole(audio), live.beginning(), []
    with torch.no_grad():
        for start in range(0, whole.shape[1], hops * HOP):
            said, loudness_db, states = live.stream(whole[:, start : start + hops * HOP], states)
            pieces.append([*said, loudness_db])
    for whole_part, parts in zip(wanted, zip(*pieces, strict=True), strict=True):
        assert torch.allclose(whole_part, torch.cat(parts, 1)[:, SMALL_LIVE.late :], atol=1e-5)


def test_a_live_frame_stands_where_its_sound_is_and_hears_no_further_than_a_tenth_of_a_second(live: Network) -> None:
    """Sound from the look-ahead on makes no difference to it; the last bit of sound within does; and loudness is that of its own hop."""
    assert network.LIVE.look_ahead + HOP / 2 <= 0.1 * RATE
    audio, frame = babble(2), 60
    end = (frame + 1) * HOP + SMALL_LIVE.look_ahead
    heard = _frames(live, audio)
    for start, stays in ((end, True), (end - 2 * network.MARGIN, False)):
        changed = audio.clone()
        changed[:, start:] += 0.3 * torch.randn(1, changed.shape[1] - start)
        assert torch.allclose(_frames(live, changed)[0][:, frame], heard[0][:, frame], atol=1e-6) == stays
    click = torch.zeros(1, RATE)
    click[:, 20 * HOP : 21 * HOP] = 0.1
    assert _frames(live, click)[-1].argmax() == 20


@pytest.mark.parametrize("gain_db", [-50, -30, 20])
def test_the_level_of_a_recording_makes_no_difference_to_a_live_network_from_its_first_moment(gain_db: float) -> None:
    heard, other = (network.LiveFrontEnd()(gain * babble(6)) for gain in (1.0, 10 ** (gain_db / 20)))
    assert torch.allclose(other.spectrum, heard.spectrum, atol=1e-3)
    assert torch.allclose(other.channel, heard.channel, atol=1e-3)


def test_a_live_network_hears_a_beginning_in_the_last_bit_of_16_alike_at_any_level() -> None:
    """A take often begins so: the level is that of its rounding, and must not fall under the least level when the whole is turned down."""
    random = torch.Generator().manual_seed(1)
    audio = torch.cat((torch.randint(-1, 2, (1, RATE), generator=random) * (torch.rand(1, RATE, generator=random) < 0.1) / 32_768, babble(2)), 1)
    heard, other = (network.LiveFrontEnd()(gain * audio).spectrum for gain in (1.0, 10**-1.5))
    assert torch.allclose(other, heard, atol=1e-2)


def test_a_live_network_takes_digital_silence_for_silence() -> None:
    heard = network.LiveFrontEnd()(torch.cat((torch.zeros(1, 3 * RATE), babble(1)), 1))
    assert heard.spectrum[:, :149].abs().max() == 0
    assert heard.spectrum[:, 160:].mean() > 0.5


def test_running_sums_of_a_louder_sound_are_those_of_the_sound_made_louder() -> None:
    front_end, by = network.LiveFrontEnd(), torch.tensor(1.5)
    settled = front_end.settled(torch.cat((babble(2), babble(2, seed=1))))
    louder = front_end.settled(torch.exp(by / 2) * torch.cat((babble(2), babble(2, seed=1))))
    assert torch.allclose(front_end.louder(settled, by.expand(2, 1, 1)), louder, rtol=1e-3, atol=1e-3)


def test_the_noise_of_a_pause_does_not_become_as_loud_as_speech_to_a_live_network() -> None:
    audio = torch.cat((babble(3), 0.0003 * torch.randn(1, 12 * RATE, generator=torch.Generator().manual_seed(1))), 1)
    spectrum = _live_spectrum(audio)
    assert spectrum[:, -50:].mean() < spectrum[:, 50:140].quantile(0.7) - 10 / 4.34 / network.SPAN


def test_an_offline_network_turned_live_hears_the_same_in_a_sound_that_does_not_change() -> None:
    """What it does not hear it takes to be as the last that it hears; and where it looks ahead as far as back nothing is lost at all."""
    shape = Shape(width=16, dilations=(1, 4), mouth_width=8, mouth_dilations=(2,), ahead=(1, 1, 0))
    torch.manual_seed(0)
    offline, live = Network(replace(shape, ahead=())).eval(), Network(shape).eval()
    live.load_state_dict(network.turned(offline.state_dict(), shape))
    spectrum, channel = torch.rand(1, 1, 2 * network.MELS).expand(1, 120, -1), torch.rand(1, 1, network.MELS).expand(1, 120, -1)
    with torch.no_grad():
        whole, streamed = offline.say(spectrum, channel), live.say(spectrum, channel)
        assert torch.allclose(streamed.phones[:, 60:80], whole.phones[:, 60:80], atol=1e-5)
        assert torch.allclose(streamed.mouth[:, 60:80], whole.mouth[:, 60:80], atol=1e-5)
        x = torch.randn(1, 40, 16)
        late, _ = live.blocks[0].stream(x, torch.zeros(1, 2, 16), ahead=1)
        assert torch.allclose(late[:, 5:], offline.blocks[0](x)[:, 4:-1], atol=1e-6)


def test_a_widened_network_says_nearly_the_same_and_has_channels_that_can_part(small: Network) -> None:
    wide = Network(replace(SMALL, width=24))
    wide.load_state_dict(network.widened(small.state_dict(), wide.shape))
    said, before = (one.eval()(babble(4.0))[0] for one in (wide, small))
    # What a network of random weights says has nothing to do with it.
    other = Network(wide.shape).eval()(babble(4.0))[0]
    apart = [(part.phones.exp() - before.phones.exp()).abs().mean() for part in (said, other)]
    assert apart[0] < 0.2 * apart[1]
    rows = wide.blocks[0].around.linear.weight.detach()
    assert torch.pdist(rows).min() > 1e-4


def test_a_live_network_cannot_look_further_ahead_than_its_convolutions_reach() -> None:
    with pytest.raises(ValueError, match="ahead"):
        Shape(dilations=(1, 2), ahead=(1, 3, 0))


def _live_spectrum(audio: torch.Tensor) -> torch.Tensor:
    return network.LiveFrontEnd()(audio).spectrum[:, :, : network.MELS]
