"""Malicious files, on which the readers of untrusted files are tested."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np


class Executes:
    """An object that makes a folder when it is unpickled, as proof that code was executed."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        return (os.mkdir, (str(self.proof),))


def pickled(proof: Path) -> bytes:
    return pickle.dumps(Executes(proof))


def object_npy(proof: Path) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Executes(proof)], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def npz_of(content: bytes, name: str = "wav.npy") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def npy_header(shape, descr="<f4", body=b"\0" * 64) -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def zip_bomb(path: Path, size: int = 2**33) -> None:
    """Write an archive that unpacks to ``size`` bytes of zeros, with a valid header."""
    archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open("wav.npy", "w", force_zip64=True) as member:
        member.write(npy_header((size // 4,), body=b""))
        for _ in range(size // 2**24):
            member.write(bytes(2**24))


def lying_zip(content: bytes, claimed: int) -> bytes:
    """Return an archive whose directory declares another size than its member unpacks to."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("wav.npy", content)
    data = bytearray(buffer.getvalue())
    entry = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, entry + 24, claimed)
    return bytes(data)


def safetensors_header(shape, offsets=(0, 64), dtype="F32", body=b"\0" * 64) -> bytes:
    text = json.dumps({"wav": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}).encode()
    return struct.pack("<Q", len(text)) + text + body


def huge_safetensors_header() -> bytes:
    return struct.pack("<Q", 2**60) + b"{}"
