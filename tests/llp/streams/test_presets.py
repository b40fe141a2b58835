"""The presets are the features that the field uses."""

import pytest

from mbias.errors import BadInputError
from mbias.llp.streams.presets import STREAM_PRESETS, preset_streams
from mbias.llp.streams.stream import checked_streams


def test_every_preset_is_a_set_of_streams_for_han():
    for streams in STREAM_PRESETS.values():
        assert checked_streams(streams) == streams


def test_han_has_the_shapes_of_the_original_checkpoints():
    shapes = {stream.folder: (stream.rows, stream.width) for stream in preset_streams("han")}
    assert shapes == {"feats/vggish": (10, 128), "feats/res152": (80, 2048), "feats/r2plus1d_18": (10, 512)}


@pytest.mark.parametrize("name", ["clip", "", None, ["han"], {}])
def test_an_unknown_preset_is_refused(name):
    with pytest.raises(BadInputError, match=r"there are no features .*; choose from han, clip_clap"):
        preset_streams(name)
