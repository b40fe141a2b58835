"""Streams, the sets of them that HAN takes, and how a difference between two sets is said."""

import pytest

from mbias.errors import BadInputError
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS, HAN_STREAMS
from mbias.llp.streams.stream import Stream, checked_streams, difference, mismatch, widths

AUDIO, FRAMES, MOTION = HAN_STREAMS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Audio"}, "'Audio' cannot name a stream; use lowercase letters, digits and underscores"),
        ({"name": "../audio"}, "'../audio' cannot name a stream"),
        ({"name": 3}, "3 cannot name a stream"),
        ({"modality": "sound"}, "the stream 'audio' has modality = 'sound': it must be audio or visual"),
        ({"folder": "/data/feats"}, "the stream 'audio' has folder = '/data/feats': it must be a folder in the data"),
        ({"folder": "feats/../../x"}, "it must be a folder in the data directory"),
        ({"folder": ""}, "the stream 'audio' has folder = ''"),
        ({"folder": "feats/\x1b[2J"}, "it must be a folder"),
        ({"rows": 12}, "the stream 'audio' has rows = 12: it must be a multiple of 10"),
        ({"rows": 0}, "the stream 'audio' has rows = 0"),
        ({"rows": "10"}, "the stream 'audio' has rows = '10'"),
        ({"rows": 64, "modality": "visual"}, "the stream 'audio' has rows = 64"),
        ({"width": 0}, "the stream 'audio' has width = 0: it must be a whole number from 1 to 65,536"),
        ({"width": 2**16 + 1}, "the stream 'audio' has width = 65537"),
        ({"width": True}, "the stream 'audio' has width = True"),
    ],
)
def test_a_wrong_value_is_refused_by_name_of_the_stream(changes, words):
    values = {"name": "audio", "modality": "audio", "folder": "feats/vggish", "rows": 10, "width": 128}
    with pytest.raises(BadInputError) as error:
        Stream(**(values | changes))
    assert words in str(error.value)
    assert str(error.value).isprintable()


def test_the_audio_stream_comes_first_and_the_visual_ones_keep_their_order():
    assert checked_streams([MOTION, AUDIO, FRAMES]) == (AUDIO, MOTION, FRAMES)
    assert checked_streams(HAN_STREAMS) == HAN_STREAMS
    assert widths(CLIP_CLAP_STREAMS) == (768, 768, 512)


@pytest.mark.parametrize(
    ("streams", "words"),
    [
        ([AUDIO, FRAMES, FRAMES], "the stream 'frames' is there twice"),
        ([FRAMES, MOTION], "no audio stream among the streams 'frames', 'motion'"),
        ([AUDIO], "no visual stream among the streams 'audio'"),
        ([], "no audio stream among the streams none"),
        (
            [AUDIO, FRAMES, Stream("clap", "audio", "x", 10, 5)],
            "there are 2 audio streams, 'audio', 'clap'; HAN takes at",
        ),
        (
            [AUDIO, FRAMES, MOTION, Stream("clip", "visual", "x", 10, 5)],
            "there are 3 visual streams, 'frames', 'motion', 'clip'; HAN takes at most 2",
        ),
    ],
)
def test_streams_that_han_does_not_take_are_named(streams, words):
    with pytest.raises(BadInputError) as error:
        checked_streams(streams)
    assert words in str(error.value)


def test_a_network_that_does_not_fit_is_said_by_the_stream():
    assert mismatch(HAN_STREAMS, (128, 2048, 512), "it") is None
    assert mismatch(HAN_STREAMS, (128, 2048, 768), "it") == "the stream 'motion' is 512 wide, but it was trained on 768"
    assert mismatch(HAN_STREAMS, (512, 768, 512), "it") == "the stream 'audio' is 128 wide, but it was trained on 512"
    sentence = "the data have 2 visual streams, 'frames', 'motion', but it was trained on 1"
    assert mismatch(HAN_STREAMS, (128, 2048), "it") == sentence


def test_the_first_difference_is_found():
    assert difference(HAN_STREAMS, HAN_STREAMS) is None
    assert difference(HAN_STREAMS, CLIP_CLAP_STREAMS) == (AUDIO, CLIP_CLAP_STREAMS[0])
    assert difference(HAN_STREAMS[:2], HAN_STREAMS) == (None, MOTION)
