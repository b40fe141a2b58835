"""Losses are read from tables and from TensorBoard's event files."""

from __future__ import annotations

import base64

import pytest

from mbias.errors import BadInputError
from mbias.exchange.curves import masked_crc, per_epoch, read_curves
from tests.fuzzing import event

WRITTEN_BY_TENSORBOARD = (
    "SAAAAAAAAAD+kkidCR200JjswNpBGg1icmFpbi5FdmVudDoyUi4KLHRlbnNvcmJvYXJkLnN1bW1hcnkud3JpdGVyLmV2ZW50X2Zp"
    "bGVfd3JpdGVy4wZX0xoAAAAAAAAAEpvYLQl6u9CY7MDaQRABKg0KCwoEbG9zcxUAAAA/avTOjSAAAAAAAAAAKe2pUAm/u9CY7MDa"
    "QRABKhMKEQoKbG9zcy9hdWRpbxUAAMA/wgxajBoAAAAAAAAAEpvYLQnpu9CY7MDaQRACKg0KCwoEbG9zcxUAAIA+x51+rSAAAAAA"
    "AAAAKe2pUAkPvNCY7MDaQRACKhMKEQoKbG9zcy9hdWRpbxUAAKA/IzaYwg=="
)
"""An event file from TensorBoard 2.21's own writer: loss 0.5, 0.25 and loss/audio 1.5, 1.25 at steps 1 and 2."""


def test_events_from_tensorboards_own_writer_are_read(tmp_path):
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(base64.b64decode(WRITTEN_BY_TENSORBOARD))
    assert read_curves(path) == {"loss": {1: 0.5, 2: 0.25}, "loss/audio": {1: 1.5, 2: 1.25}}


def test_an_incomplete_last_event_is_ignored(tmp_path):
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(event(1, {"loss": 0.5}) + event(2, {"loss": 0.25})[:-7])
    assert read_curves(path) == {"loss": {1: 0.5}}


def test_the_last_value_of_a_step_counts(tmp_path):
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(event(1, {"loss": 0.5}) + event(1, {"loss": 0.25}))
    assert read_curves(path) == {"loss": {1: 0.25}}


def test_a_table_is_read(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss,val loss\n1,0.5,0.75\n2,0.25,\n")
    assert read_curves(path) == {"loss": {1: 0.5, 2: 0.25}, "val loss": {1: 0.75}}


def test_steps_become_epochs():
    assert per_epoch({30: 4.0, 10: 1.0, 20: 3.0}, 1) == [1.0, 3.0, 4.0]
    assert per_epoch({30: 4.0, 10: 1.0, 20: 3.0}, 2) == [2.0, 4.0]


def test_the_checksum_is_the_masked_crc_32c():
    crc = 0xE3069283  # the published check value of CRC-32C
    assert masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"epoch,loss\n", "no row below the header"),
        ("a.csv", b"epoch,loss\n1,x\n", "row 2: 'loss' is 'x', not a finite number"),
        ("a.csv", b"epoch,loss\n1,nan\n", "row 2: 'loss' is 'nan'"),
        ("a.csv", b"epoch,loss\n1,1,1\n", "row 2: 3 cells instead of 2"),
        ("a.csv", b"loss,loss\n1,1\n", "two columns have the same name"),
        ("a.csv", b"\xff\xfe", "not a readable CSV"),
        ("events", b"\x80\x04\x95" + b"\0" * 50, "no record of a TensorBoard event file at byte 0"),
        ("events", b"", "holds no curve"),
        ("events", event(1, {"loss": float("inf")}), "'loss' is inf at step 1"),
    ],
)
def test_the_error_names_what_is_wrong(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInputError, match=message):
        read_curves(tmp_path / name)
