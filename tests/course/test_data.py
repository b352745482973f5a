"""CIFAR-10 is found, verified and downloaded, or replaced by a stand-in that says so; no file can run code."""

import hashlib
import http.server
import pickle
import pickletools
import socket
import tarfile
import threading
from unittest.mock import Mock

import numpy as np
import pytest

from course import data
from course.data import DataError, find_data, make_stand_in, unpickle, verify

REACH = data._reach
FILES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """An empty repository without a network and without `$CIFAR10_ROOT`."""
    monkeypatch.setattr(data, "ROOT", tmp_path)
    monkeypatch.setattr(data, "_reach", Mock(side_effect=OSError("no network")))
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    return tmp_path


@pytest.fixture
def official(tmp_path, monkeypatch):
    """A folder whose small files are taken for CIFAR-10's: their md5s stand in the list of official ones."""
    folder = tmp_path / "official" / data.FOLDER
    make_stand_in(folder, per_batch=10)
    data._write(folder / "batches.meta", {b"label_names": [b"airplane"]})
    md5s = {file: hashlib.md5((folder / file).read_bytes()).hexdigest() for file in data.MD5}
    monkeypatch.setattr(data, "MD5", md5s)
    return folder.parent


class Evil:
    """Pickled, it is a program that writes a file."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), "w")


def test_the_stand_in_has_the_format_of_the_official_files(tmp_path):
    make_stand_in(tmp_path, per_batch=20)
    for file in FILES:
        with (tmp_path / file).open("rb") as stream:
            batch = pickle.load(stream, encoding="latin1")  # as torchvision reads them
        assert sorted(batch) == ["batch_label", "data", "filenames", "labels"]
        assert batch["data"].shape == (20, 3072)
        assert batch["data"].dtype == np.uint8
        assert sorted(batch["labels"]) == sorted([*range(10)] * 2)
    opcodes = {opcode.name for opcode, _, _ in pickletools.genops((tmp_path / "test_batch").read_bytes())}
    assert "BINSTRING" in opcodes  # a string of Python 2


def test_the_stand_in_is_the_same_every_time_and_no_two_batches_are(tmp_path):
    make_stand_in(tmp_path / "one", per_batch=10)
    make_stand_in(tmp_path / "two", per_batch=10)
    contents = [(tmp_path / "one" / file).read_bytes() for file in FILES]
    assert contents == [(tmp_path / "two" / file).read_bytes() for file in FILES]
    assert len(set(contents)) == len(FILES)


def test_the_stand_in_says_what_it_is(tmp_path):
    make_stand_in(tmp_path, per_batch=10)
    source = verify(tmp_path, "")
    assert not source.is_cifar10
    assert "not CIFAR-10" in source.name
    assert "not CIFAR-10" in unpickle(tmp_path / "batches.meta")[b"stand_in"].decode()
    assert source.class_names[0] == "disc"


def test_without_a_network_the_stand_in_is_used_and_said_loudly(repo):
    said = []
    source = find_data(say=said.append)
    assert not source.is_cifar10
    assert repo / "data" / "stand-in" in [source.folder, *source.folder.parents]
    assert any("NOT CIFAR-10" in line for line in said)
    assert find_data(say=said.append) == source


def test_data_in_the_repository_is_used_without_asking_the_network(repo, official):
    (repo / "data").mkdir()
    (official / data.FOLDER).rename(repo / "data" / data.FOLDER)
    said = []
    assert find_data(say=said.append).is_cifar10
    assert said == []


@pytest.mark.parametrize("inside", ["", data.FOLDER])
def test_the_root_may_be_the_folder_of_the_files_or_the_one_above(repo, official, monkeypatch, inside):
    monkeypatch.setenv("CIFAR10_ROOT", str(official / inside))
    assert find_data().is_cifar10


def test_a_root_without_the_data_is_an_error_and_no_silent_fall_back(repo, monkeypatch):
    monkeypatch.setenv("CIFAR10_ROOT", str(repo / "nowhere"))
    with pytest.raises(DataError, match=r"no CIFAR-10 in .*nowhere.*batches.meta is missing.*\$CIFAR10_ROOT"):
        find_data()


def test_a_root_that_may_not_be_looked_at_is_said_in_one_sentence(repo, monkeypatch):
    monkeypatch.setenv("CIFAR10_ROOT", "x" * 300)  # no file system takes such a name
    with pytest.raises(DataError, match="can't be read: File name too long"):
        find_data()


def test_a_missing_file_is_named(official):
    (official / data.FOLDER / "data_batch_3").unlink()
    with pytest.raises(DataError, match=r"data_batch_3 is missing\. Try this"):
        verify(official, "Try this")


@pytest.mark.parametrize("file", ["data_batch_4", "test_batch", "batches.meta"])
@pytest.mark.parametrize(
    "damage", [lambda b: b[:-100], lambda b: b[:500] + b"?" + b[501:], lambda b: b"", lambda b: b"no"]
)
def test_a_damaged_file_is_named_with_both_md5s_and_kept(official, file, damage):
    path = official / data.FOLDER / file
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(DataError) as error:
        verify(official, "Try this")
    expected, found = data.MD5[file], hashlib.md5(before).hexdigest()
    for part in (str(path), expected, found, f"{len(before):,} bytes", "Try this"):
        assert part in str(error.value)
    assert path.read_bytes() == before


def test_damaged_data_in_the_repository_is_neither_downloaded_again_nor_replaced(repo, official, monkeypatch):
    (repo / "data").mkdir()
    folder = repo / "data" / data.FOLDER
    (official / data.FOLDER).rename(folder)
    (folder / "test_batch").write_bytes(b"half a download")
    monkeypatch.setattr(data, "_download", lambda *_: pytest.fail("must not download"))
    with pytest.raises(DataError, match=r"Delete .* and run again"):
        find_data()
    assert (folder / "test_batch").read_bytes() == b"half a download"


def test_a_damaged_stand_in_is_named_too(tmp_path):
    make_stand_in(tmp_path, per_batch=10)
    (tmp_path / "data_batch_2").write_bytes(b"half")
    with pytest.raises(DataError, match="data_batch_2 is damaged"):
        verify(tmp_path, "")


@pytest.mark.parametrize("file", ["batches.meta", "data_batch_1"])
def test_a_file_that_would_run_code_is_refused_and_runs_none(official, tmp_path, file):
    trace = tmp_path / "trace"
    (official / data.FOLDER / file).write_bytes(pickle.dumps({"stand_in": Evil(trace)}, protocol=2))
    with pytest.raises(DataError):
        verify(official, "")
    with pytest.raises(pickle.UnpicklingError, match="open"):
        unpickle(official / data.FOLDER / file)
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x02", b"<html>not found</html>", pickle.dumps([1, 2])])
def test_what_is_no_pickled_dictionary_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(pickle.UnpicklingError, match="file"):
        unpickle(tmp_path / "file")


@pytest.fixture
def server(repo, official, monkeypatch):
    """torchvision's download address, served from this machine; yields the archive's path."""
    from torchvision.datasets import CIFAR10

    archive = repo / "served" / CIFAR10.filename
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(official / data.FOLDER, data.FOLDER)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(archive.parent))

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        monkeypatch.setattr(data, "_reach", REACH)
        md5s = data.MD5  # of the small files
        monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:{httpd.server_port}/{CIFAR10.filename}")
        monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
        monkeypatch.setattr(CIFAR10, "train_list", [[file, md5s[file]] for file in FILES[:5]])
        monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5s["test_batch"]]])
        monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5s["batches.meta"]})
        yield archive
        httpd.shutdown()


def test_the_download_lands_in_data_and_leaves_nothing_else(server, repo):
    source = find_data(say=lambda line: None)
    assert source.is_cifar10
    assert [path.name for path in (repo / "data").iterdir()] == [data.FOLDER]


def test_a_download_with_the_wrong_md5_is_not_unpacked(server, repo):
    server.write_bytes(server.read_bytes() + b"more")
    said = []
    assert not find_data(say=said.append).is_cifar10
    assert not (repo / "data" / data.FOLDER).exists()
    assert any("NOT CIFAR-10" in line for line in said)


def test_a_download_that_has_no_room_is_an_error(repo, monkeypatch):
    (repo / "data").write_text("a file where a folder must be")
    monkeypatch.setattr(data, "_reach", lambda url: None)
    with pytest.raises(DataError, match=r"can't be stored in .*data"):
        find_data(say=lambda line: None)


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(data, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        data._reach(f"http://127.0.0.1:{silent.getsockname()[1]}/")


def test_why_nothing_could_be_downloaded_is_said(server, repo):
    server.unlink()
    said = []
    assert not find_data(say=said.append).is_cifar10
    assert any("could not be downloaded (HTTP Error 404" in line for line in said)
