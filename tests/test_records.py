import json

import pytest

from xai_utils.experiments.records import code_hash, read_records, record_all


def test_a_killed_run_goes_on_with_what_is_missing(tmp_path):
    asked = []

    def measure(number):
        asked.append(number)
        if number == 2 and asked.count(2) == 1:
            raise KeyboardInterrupt
        return {"square": number**2}

    wanted = [{"number": n} for n in (1, 2, 3)]
    with pytest.raises(KeyboardInterrupt):
        record_all("squares", wanted, measure, command="none", folder=tmp_path)
    rows = record_all("squares", wanted, measure, command="none", folder=tmp_path)
    assert asked == [1, 2, 2, 3]
    assert [row["result"]["square"] for row in rows] == [1, 4, 9]
    assert read_records("squares", tmp_path) == rows
    assert rows[0]["code"] == code_hash()


def test_a_row_of_other_weights_is_measured_again(tmp_path, monkeypatch):
    weights = tmp_path / "weights" / "parts"
    weights.mkdir(parents=True)
    monkeypatch.setattr("xai_utils.experiments.records.weights_folder", lambda: tmp_path / "weights")
    asked = []

    def measure(models):
        asked.append(models)
        return {}

    for content in (b"first", b"first", b"second"):
        (weights / "alexnet.safetensors").write_bytes(content)
        record_all("rows", [{"models": ["parts/alexnet"]}], measure, command="none", folder=tmp_path)
    assert len(asked) == 2
    assert len(read_records("rows", tmp_path)) == 1


def test_a_broken_file_is_refused_with_its_line(tmp_path):
    (tmp_path / "bad.jsonl").write_text(json.dumps({"configuration": {}}) + "\n")
    with pytest.raises(ValueError, match=r"bad.jsonl, line 1: expected the keys configuration, result"):
        read_records("bad", tmp_path)
    (tmp_path / "bad.jsonl").write_text("{")
    with pytest.raises(ValueError, match=r"bad.jsonl, line 1: expected a JSON object"):
        read_records("bad", tmp_path)
