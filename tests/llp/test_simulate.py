"""Simulated data directories: reproducible bytes, a planted truth, and no partial output."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from mbias.errors import BadInputError
from mbias.llp.annotations import WEAK_FILES, read_truth, read_weak, weak_array
from mbias.llp.knobs import ByCategory, Knobs
from mbias.llp.pack import pack_split
from mbias.llp.simulate import PLANTED_FILE, simulate
from mbias.llp.store import SYNTH_FILE, open_split
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS
from mbias.terms import CATEGORIES, Split
from tests.llp.conftest import SIZES


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_and_a_different_seed_different_ones(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate(tmp_path / name, sizes=SIZES, seed=seed, packed=True)
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    assert a.keys() == c.keys()
    assert all(a[name] != c[name] for name in a)


def test_a_video_does_not_depend_on_the_number_of_videos(tmp_path):
    simulate(tmp_path / "few", sizes=SIZES, packed=True)
    simulate(tmp_path / "more", sizes={Split.TRAIN: 9, Split.VAL: 5, Split.TEST: 4}, packed=True)
    for split in Split:
        few, more = (open_split(tmp_path / name, split) for name in ("few", "more"))
        count = SIZES[split]
        assert few.videos == more.videos[:count]
        np.testing.assert_array_equal(few.features["frames"], more.features["frames"][:count])
        np.testing.assert_array_equal(few.weak, more.weak[:count])


def test_packing_files_and_simulating_a_packed_store_give_the_same_features(tmp_path, data):
    simulate(tmp_path / "packed", sizes=SIZES, packed=True)
    for split in Split:
        pack_split(data, split)
        files, direct = open_split(data, split), open_split(tmp_path / "packed", split)
        np.testing.assert_array_equal(files.features["audio"], direct.features["audio"])
        np.testing.assert_array_equal(files.features["motion"], direct.features["motion"])
        np.testing.assert_allclose(files.features["frames"], direct.features["frames"], atol=1e-5)
    video = files.videos[0][:11]
    frames = np.load(data / "feats" / "res152" / f"{video}.npy").reshape(10, 8, 2048)
    assert 0.8 < frames.std(axis=1).mean() < 1.1  # the eight frames of a segment differ


def test_clip_and_clap_are_simulated_as_files_and_packed(tmp_path):
    for name, packed in (("files", False), ("packed", True), ("again", True)):
        simulate(tmp_path / name, sizes=SIZES, packed=packed, features="clip_clap")
    assert contents(tmp_path / "packed") == contents(tmp_path / "again")
    for stream in CLIP_CLAP_STREAMS:
        paths = list((tmp_path / "files" / stream.folder).iterdir())
        assert len(paths) == sum(SIZES.values())
        assert {np.load(path).shape for path in paths} == {(stream.rows, stream.width)}
    for split in Split:
        pack_split(tmp_path / "files", split)
        files, direct = open_split(tmp_path / "files", split), open_split(tmp_path / "packed", split)
        assert files.streams == direct.streams == CLIP_CLAP_STREAMS
        for stream in CLIP_CLAP_STREAMS:
            np.testing.assert_allclose(files.features[stream.name], direct.features[stream.name], atol=1e-5)


def test_the_features_are_a_setting_of_simulated_data(tmp_path):
    with pytest.raises(BadInputError, match="there are no features 'clip'; choose from han, clip_clap"):
        simulate(tmp_path / "data", sizes=SIZES, features="clip")
    simulate(tmp_path / "han", sizes=SIZES, packed=True)
    simulate(tmp_path / "clip", sizes=SIZES, packed=True, features="clip_clap")
    for name, other in (("han", "clip_clap"), ("clip", "han")):
        with pytest.raises(BadInputError, match=r"other settings \(features\)"):
            simulate(tmp_path / name, sizes=SIZES, packed=True, features=other)
    # Other features of the same videos: the events are those of the seed.
    for file in ("AVVP_train.csv", "AVVP_eval_audio.csv", "AVVP_eval_visual.csv"):
        assert (tmp_path / "han" / file).read_bytes() == (tmp_path / "clip" / file).read_bytes()


def test_the_planted_truth_agrees_with_the_annotations(data):
    planted = load_file(data / PLANTED_FILE)
    for split in Split:
        rows = read_weak(data / WEAK_FILES[split])
        presence = planted[f"{split}.presence"]
        np.testing.assert_array_equal(presence.any(axis=(1, 2)), weak_array(rows))
        np.testing.assert_array_equal(planted[f"{split}.strengths"] > 0, presence.any(axis=1))
        if split != Split.TRAIN:
            np.testing.assert_array_equal(presence, read_truth(data, [row.video for row in rows]))


def test_an_existing_folder_is_left_unchanged_or_refused(data):
    before = contents(data)
    assert not simulate(data, sizes=SIZES)
    with pytest.raises(BadInputError, match=r"other settings \(seed\)"):
        simulate(data, sizes=SIZES, seed=1)
    assert contents(data) == before
    subfolder = data / "feats"
    with pytest.raises(BadInputError, match="contains something else"):
        simulate(subfolder, sizes=SIZES)


def test_a_folder_of_before_a_knob_is_recognised(data):
    about = json.loads((data / SYNTH_FILE).read_text())
    older = {**about, "knobs": {name: value for name, value in about["knobs"].items() if name != "gaps"}}
    (data / SYNTH_FILE).write_text(json.dumps(older))
    assert not simulate(data, sizes=SIZES)
    with pytest.raises(BadInputError, match=r"other settings \(knobs\)"):
        simulate(data, sizes=SIZES, knobs=Knobs(gaps=ByCategory(0.5)))


def test_an_interrupted_simulation_leaves_no_data_directory(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mbias.llp.simulate._write_planted", stop)
        with pytest.raises(KeyboardInterrupt):
            simulate(tmp_path / "data", sizes=SIZES)
    assert list(tmp_path.iterdir()) == []
    assert simulate(tmp_path / "data", sizes=SIZES)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_real_annotations_are_copied_and_their_dense_labels_are_planted(tiny, tmp_path):
    out = tmp_path / "simulated"
    simulate(out, annotations=tiny, packed=True)
    for path in tiny.glob("AVVP_*.csv"):
        assert (out / path.name).read_bytes() == path.read_bytes()
    planted = load_file(out / PLANTED_FILE)
    truth = read_truth(tiny, ["valueVideo1_0_10", "valueVideo2_5_15"])
    np.testing.assert_array_equal(planted["val.presence"], truth)
    assert list(np.flatnonzero(planted["train.presence"].any(axis=(0, 1, 2)))) == [CATEGORIES.index("Dog")]
    assert not planted["test.presence"].any()  # the test video has a weak label but no event


def test_the_first_videos_of_real_annotations_keep_their_dense_rows(published, tmp_path):
    sizes = {Split.TRAIN: 5, Split.VAL: 4, Split.TEST: 3}
    simulate(tmp_path / "out", annotations=published, sizes=sizes, packed=True)
    for split in Split:
        assert (
            read_weak(tmp_path / "out" / WEAK_FILES[split]) == read_weak(published / WEAK_FILES[split])[: sizes[split]]
        )
    opened = open_split(tmp_path / "out", Split.TEST)
    np.testing.assert_array_equal(opened.truth, read_truth(published, opened.videos))
    with pytest.raises(BadInputError, match="649 videos, fewer than the 650 requested"):
        simulate(tmp_path / "out2", annotations=published, sizes={Split.VAL: 650})


def test_features_without_noise_are_the_planted_directions(tmp_path):
    quiet = Knobs(video_noise=0.0, segment_noise=0.0, category_spread=0.0, event_spread=0.0)
    simulate(tmp_path / "data", sizes={Split.TRAIN: 30, Split.VAL: 1, Split.TEST: 1}, knobs=quiet, packed=True)
    opened = open_split(tmp_path / "data", Split.TRAIN)
    presence = load_file(tmp_path / "data" / PLANTED_FILE)["train.presence"]
    for modality, names in ((0, ("audio",)), (1, ("frames", "motion"))):
        strength = (quiet.audio_strength, quiet.visual_strength)[modality].default
        alone = presence[:, :, modality].sum(axis=-1) == 1
        for name in names:
            norms = np.sqrt((opened.features[name].astype(float) ** 2).sum(axis=-1))
            np.testing.assert_allclose(norms[alone], strength, rtol=1e-5)
            assert (norms[~presence[:, :, modality].any(axis=-1)] == 0).all()


def test_the_noise_has_the_standard_deviation_of_its_knobs(tmp_path):
    still = Knobs(audio_strength=ByCategory(0.0), visual_strength=ByCategory(0.0), video_noise=0.5, segment_noise=2.0)
    simulate(tmp_path / "data", sizes={Split.TRAIN: 40, Split.VAL: 1, Split.TEST: 1}, knobs=still, packed=True)
    frames = np.asarray(open_split(tmp_path / "data", Split.TRAIN).features["frames"])
    assert frames.std() == pytest.approx(np.hypot(0.5, 2), rel=0.01)
    assert frames.var(axis=1, ddof=1).mean() == pytest.approx(4, rel=0.01)


def test_the_empty_current_folder_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert simulate(Path(), sizes=SIZES, packed=True)
    assert (tmp_path / "here" / "synth.json").exists()
