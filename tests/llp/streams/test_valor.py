"""The files of VALOR are recognised by their folders and shapes."""

import dataclasses

import numpy as np
import pytest

from mbias.llp.streams.presets import CLIP_CLAP_STREAMS
from mbias.llp.streams.valor import recognise_valor


@pytest.fixture
def valor(tmp_path):
    """A directory with the folders of VALOR and one file in each."""
    for stream in CLIP_CLAP_STREAMS:
        save(tmp_path, stream, (stream.rows, stream.width))
    return tmp_path


def save(directory, stream, shape, video="b"):
    (directory / stream.folder).mkdir(parents=True, exist_ok=True)
    np.save(directory / stream.folder / f"{video}.npy", np.zeros(shape, np.float32))


def test_the_published_shapes_are_the_preset(valor):
    assert recognise_valor(valor) == CLIP_CLAP_STREAMS


def test_other_folders_are_not_recognised(tmp_path):
    assert recognise_valor(tmp_path) is None
    save(tmp_path, CLIP_CLAP_STREAMS[1], (10, 768))
    save(tmp_path, CLIP_CLAP_STREAMS[2], (10, 512))
    assert recognise_valor(tmp_path) is None


@pytest.mark.parametrize("shape", [(10, 512), (10, 768), (20, 1024)])
def test_other_shapes_are_those_of_the_files(valor, shape):
    audio, *visual = CLIP_CLAP_STREAMS
    save(valor, audio, shape)
    assert recognise_valor(valor) == (dataclasses.replace(audio, rows=shape[0], width=shape[1]), *visual)


def test_a_file_that_no_stream_can_have_is_passed_over(valor):
    audio = CLIP_CLAP_STREAMS[0]
    (valor / audio.folder / "a.npy").write_bytes(b"damaged")
    save(valor, audio, (9, 768), "a2")
    save(valor, audio, (10, 512, 3), "a3")
    save(valor, audio, (10, 512))
    assert recognise_valor(valor)[0] == dataclasses.replace(audio, rows=10, width=512)
