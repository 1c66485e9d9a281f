import json
import signal
import subprocess
import sys
import time

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


SLOWLY = """
import sys, time
from pathlib import Path
from xai_utils.experiments.records import record_all

def measure(number):
    time.sleep(0.05)
    return {"square": number**2}

record_all("squares", [{"number": n} for n in range(1000)], measure, command="none", folder=Path(sys.argv[1]))
"""


def test_a_process_that_is_killed_loses_nothing_that_it_had_measured(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SLOWLY, str(tmp_path)])
    file, patience = tmp_path / "squares.jsonl", time.monotonic() + 120
    while not (file.exists() and len(file.read_text().splitlines()) >= 3):
        assert time.monotonic() < patience
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = read_records("squares", tmp_path)
    assert len(kept) >= 3
    asked = []
    wanted = [{"number": n} for n in range(len(kept) + 2)]
    rows = record_all("squares", wanted, lambda number: asked.append(number) or {}, command="none", folder=tmp_path)
    assert rows[: len(kept)] == kept
    assert asked == [len(kept), len(kept) + 1]


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
