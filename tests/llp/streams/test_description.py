"""Streams are read from the description of a data directory, or recognised by its folders."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mbias.errors import BadInputError
from mbias.llp.streams.description import STREAMS_FILE, described_streams, find_streams
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS, HAN_STREAMS, STREAM_PRESETS
from mbias.llp.streams.stream import Stream, checked_streams

TWO = """
[clap]
modality = "audio"
folder = "feats/CLAP"
rows = 10
width = 512

[clip]
modality = "visual"
folder = "feats/CLIP"
rows = 80
width = 512
"""


def write(directory, text):
    (directory / STREAMS_FILE).write_text(text, encoding="utf-8")
    return directory


def table(stream):
    values = "\n".join(f"{key} = {value!r}" for key, value in vars(stream).items() if key in ("rows", "width"))
    return f'[{stream.name}]\nmodality = "{stream.modality}"\nfolder = "{stream.folder}"\n{values}\n'


def test_a_directory_without_a_description_has_the_streams_of_han(tmp_path):
    found = find_streams(tmp_path)
    assert (found.streams, found.source) == (HAN_STREAMS, "")
    assert described_streams(tmp_path) is None


def test_streams_are_read_from_their_tables(tmp_path):
    found = find_streams(write(tmp_path, TWO))
    assert found.streams == (
        Stream("clap", "audio", "feats/CLAP", 10, 512),
        Stream("clip", "visual", "feats/CLIP", 80, 512),
    )
    assert found.source == "as streams.toml describes them"


@pytest.mark.parametrize("name", STREAM_PRESETS)
def test_a_preset_is_read_by_its_name(tmp_path, name):
    assert described_streams(write(tmp_path, f'preset = "{name}"')) == STREAM_PRESETS[name]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TWO.replace("width = 512", "width = -1", 1), "the stream 'clap' has width = -1"),
        (TWO.replace("rows = 80", "rows = 64"), "the stream 'clip' has rows = 64: it must be a multiple of 10"),
        (TWO.replace("rows = 80", ""), "the stream 'clip' has no 'rows'; add it"),
        (TWO.replace("rows = 80", "row = 80"), "the stream 'clip' has an unknown key 'row'; known keys are modality"),
        (TWO.replace('"visual"', '"audio"'), "there are 2 audio streams, 'clap', 'clip'"),
        (TWO.partition("[clip]")[0], "no visual stream among the streams 'clap'"),
        (TWO.partition("[clip]")[2], "'modality' is neither a preset nor the table of a stream"),
        ("", "no audio stream among the streams none"),
        (f'preset = "han"\n{TWO}', "a preset and other entries"),
        ('preset = "hna"', "there are no features 'hna'; choose from han, clip_clap"),
        ("preset = ", "not a readable TOML file"),
        ("x = " + "[" * 5_000, "not a readable TOML file"),
        (f"# {'x' * 2**20}", "larger than 1,048,576 bytes"),
    ],
)
def test_a_wrong_description_is_one_sentence_with_its_file(tmp_path, text, words):
    with pytest.raises(BadInputError) as error:
        find_streams(write(tmp_path, text))
    assert str(error.value).startswith(f"{tmp_path / STREAMS_FILE}: ")
    assert words in str(error.value)
    assert str(error.value).isprintable()


names = st.from_regex("[a-z][a-z0-9_]{0,31}", fullmatch=True)
shapes = {"rows": st.integers(1, 9).map(lambda n: 10 * n), "width": st.integers(1, 2**16)}


@st.composite
def sets_of_streams(draw):
    """Draw a set of streams that HAN takes, in any order."""
    modalities = ["audio", *["visual"] * draw(st.integers(1, 2))]
    chosen = draw(st.lists(names, min_size=len(modalities), max_size=len(modalities), unique=True))
    streams = [
        Stream(name, modality, draw(names), *(draw(shape) for shape in shapes.values()))
        for name, modality in zip(chosen, modalities, strict=True)
    ]
    return draw(st.permutations(streams))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams=sets_of_streams())
def test_every_set_of_streams_is_read_as_it_is_described(tmp_path, streams):
    text = "".join(map(table, streams))
    # The one name that is a preset's.
    if all(stream.name != "preset" for stream in streams):
        assert described_streams(write(tmp_path, text)) == checked_streams(streams)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(st.binary(max_size=200), st.text(alphabet="[]=\"'{}.,#\nabprest01 ", max_size=80).map(str.encode))
)
def test_any_other_content_is_one_sentence(tmp_path, content):
    (tmp_path / STREAMS_FILE).write_bytes(content)
    with pytest.raises(BadInputError, match=r"streams\.toml: "):
        described_streams(tmp_path)


def test_the_features_of_han_beside_those_of_valor_are_said_not_to_be_read(tmp_path):
    for stream in (*CLIP_CLAP_STREAMS, *HAN_STREAMS):
        (tmp_path / stream.folder).mkdir(parents=True, exist_ok=True)
    found = find_streams(tmp_path)
    assert found.streams == CLIP_CLAP_STREAMS
    assert found.source == (
        'recognised as the files of VALOR, not feats/vggish and feats/res152 (for these, write preset = "han" into '
        "streams.toml)"
    )
    assert find_streams(write(tmp_path, 'preset = "han"')).streams == HAN_STREAMS
