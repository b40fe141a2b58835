"""Streams as an index and a record hold them."""

import json
from pathlib import Path

import pytest

from mbias.errors import BadInputError
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS, HAN_STREAMS
from mbias.llp.streams.recorded import streams_from_json, streams_to_json

PATH = Path("run.json")
AUDIO, FRAMES, _ = streams_to_json(CLIP_CLAP_STREAMS)["streams"]


@pytest.mark.parametrize("streams", [HAN_STREAMS, CLIP_CLAP_STREAMS, CLIP_CLAP_STREAMS[:2]])
def test_streams_are_read_back_from_json(streams):
    assert streams_from_json(json.loads(json.dumps(streams_to_json(streams))), PATH) == streams


def test_a_record_without_the_field_is_of_han():
    assert streams_to_json(HAN_STREAMS) == {}
    assert streams_from_json({"variant": "across_vself"}, PATH) == HAN_STREAMS


@pytest.mark.parametrize(
    "content",
    [None, 3, "ab", [], [3], [{}], [[]], [AUDIO], [AUDIO, FRAMES | {"x": 1}], [AUDIO, FRAMES | {"width": [1]}]],
)
def test_a_damaged_field_is_refused_with_its_file(content):
    with pytest.raises(BadInputError, match=r"^run\.json: "):
        streams_from_json({"streams": content}, PATH)
