"""Array files from untrusted sources are read, or refused in one line that names the file."""

import os
import sys
import zipfile

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.untrusted import LARGEST_RATIO, UNPACKED_FREELY, check_stored, check_unpacked, read_npy, read_npz

HINT = "save it again"


def refused(call, path):
    """Return the message with which a file is refused."""
    with pytest.raises(BadInputError) as error:
        call(path, HINT)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert message.endswith(HINT)
    return message


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "i1", "u2", "?"])
def test_an_array_of_numbers_is_mapped_read_only(tmp_path, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    read = read_npy(tmp_path / "a.npy", HINT)
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype
    assert not read.flags.writeable


def test_objects_and_text_are_refused(tmp_path):
    np.save(tmp_path / "object.npy", np.array([{}], object))
    assert "it holds Python objects, which are not read" in refused(read_npy, tmp_path / "object.npy")
    np.save(tmp_path / "text.npy", np.array(["a"]))
    assert "which is not a number" in refused(read_npy, tmp_path / "text.npy")
    assert read_npy(tmp_path / "text.npy", HINT, "U").tolist() == ["a"]


def test_truncated_and_missing_files_are_refused(tmp_path):
    path = tmp_path / "a.npy"
    assert "there is no such file" in refused(read_npy, path)
    assert "there is no such file" in refused(read_npz, path)
    np.save(path, np.zeros(100))
    content = path.read_bytes()
    path.write_bytes(content[:-8])
    assert "its header states 800 bytes, it holds 792" in refused(read_npy, path)
    path.write_bytes(content[:20])
    assert "cut short or not a .npy array" in refused(read_npy, path)
    assert "not a readable .npz archive" in refused(read_npz, path)


def test_arrays_of_an_archive_are_read_by_name_and_a_bad_one_is_named(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, first=np.arange(3), second=np.asfortranarray(np.ones((2, 2))))
    arrays = read_npz(path, HINT)
    assert {name: array.tolist() for name, array in arrays.items()} == {"first": [0, 1, 2], "second": [[1, 1], [1, 1]]}
    np.savez(path, first=np.arange(3), second=np.array(["a"]))
    assert "array 'second': it holds" in refused(read_npz, path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes")
@pytest.mark.parametrize("read", [read_npy, read_npz])
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refused(read, tmp_path / "pipe")


def test_the_unpacked_size_is_bounded_by_a_constant_and_a_ratio(tmp_path):
    check_unpacked(tmp_path, UNPACKED_FREELY, 1)
    check_unpacked(tmp_path, LARGEST_RATIO * UNPACKED_FREELY, UNPACKED_FREELY)
    with pytest.raises(BadInputError, match="save the arrays uncompressed"):
        check_unpacked(tmp_path, UNPACKED_FREELY + 1, 1)


def test_a_compressed_archive_is_not_a_pytorch_file(tmp_path):
    for name, method in (("stored", zipfile.ZIP_STORED), ("compressed", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(tmp_path / name, "w", method) as archive:
            archive.writestr("data.pkl", bytes(10_000))
    (tmp_path / "legacy").write_bytes(b"not an archive")
    check_stored(tmp_path / "stored", HINT)
    check_stored(tmp_path / "legacy", HINT)
    assert "a compressed archive" in refused(check_stored, tmp_path / "compressed")
