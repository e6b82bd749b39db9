"""``lthkit get``: asked for, resumed, checked, and one sentence when it cannot be had."""

import hashlib
import io
import multiprocessing
import os
import signal
import tarfile
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from torchvision import datasets

from lthkit.catalog import load_catalog
from lthkit.catalog.download import PART, Published, download, size_of
from lthkit.cli import FAILED, INTERRUPTED, REFUSED, main
from lthkit.errors import LthkitError, RunFailed

CONTENT = bytes(range(256)) * 4000  # 1 MB


class _Web(BaseHTTPRequestHandler):
    """Serves ``site.content``; knows ranges or not, cuts off after some bytes or not, remembers what was asked for."""

    def __init__(self, site, *args):
        self.site = site
        super().__init__(*args)

    def log_message(self, *args): ...

    def do_HEAD(self):
        self._head(200, len(self.site.content))

    def do_GET(self):
        start = 0
        wanted = self.headers.get("Range")
        self.site.asked.append(wanted)
        if wanted and self.site.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if wanted and self.site.ranges and start >= len(self.site.content):
            return self._head(416, 0)
        body = self.site.content[start:]
        self._head(206 if start else 200, len(body))
        self.wfile.write(body[: self.site.cut])
        self.wfile.flush()
        if self.site.cut is not None and self.site.cut < len(body):
            if self.site.hang:
                time.sleep(30)
            self.connection.close()

    def _head(self, code, length):
        self.send_response(code)
        self.send_header("Content-Length", str(length))
        self.end_headers()


class Site:
    def __init__(self, content=CONTENT, ranges=True, cut=None, hang=False):
        self.content, self.ranges, self.cut, self.hang, self.asked = content, ranges, cut, hang, []


@contextmanager
def web(site):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Web, site)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def offered(address, content=CONTENT, name="sets/it.bin"):
    return Published((f"{address}/it.bin",), name, ("sha256", hashlib.sha256(content).hexdigest()[:8]))


def got(address, root, content=CONTENT):
    return download(offered(address, content), root, "'it'", "ask a friend").read_bytes()


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def test_a_file_is_whole_and_checked_before_it_has_its_name(tmp_path):
    site = Site()
    with web(site) as address:
        assert size_of(offered(address)) == len(CONTENT)
        assert got(address, tmp_path) == CONTENT
        assert got(address, tmp_path) == CONTENT
    assert site.asked == [None]
    assert names(tmp_path) == ["it.bin"]


def test_a_download_that_was_cut_off_asks_for_the_rest_alone(tmp_path):
    site = Site(cut=300_000)
    with web(site) as address:
        with pytest.raises(RunFailed, match=r"'it': download failed .* 300,000 bytes are kept .* ask a friend"):
            got(address, tmp_path)
        assert names(tmp_path) == ["it.bin" + PART]
        site.cut = None
        assert got(address, tmp_path) == CONTENT
    assert site.asked == [None, "bytes=300000-"]
    assert names(tmp_path) == ["it.bin"]


def test_a_server_that_knows_no_ranges_sends_all_again(tmp_path):
    site = Site(cut=300_000, ranges=False)
    with web(site) as address:
        with pytest.raises(RunFailed):
            got(address, tmp_path)
        site.cut = None
        assert got(address, tmp_path) == CONTENT


def test_what_had_arrived_whole_is_only_checked(tmp_path):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / f"it.bin{PART}").write_bytes(CONTENT)
    with web(Site()) as address:
        assert got(address, tmp_path) == CONTENT


def test_the_beginning_of_another_version_is_thrown_away(tmp_path):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / f"it.bin{PART}").write_bytes(b"old" * 1000)
    site = Site()
    with web(site) as address:
        assert got(address, tmp_path) == CONTENT
    assert site.asked == ["bytes=3000-", None]


def test_another_file_than_the_published_is_refused_and_not_kept(tmp_path):
    with web(Site(content=b"something else")) as address, pytest.raises(RunFailed, match=r"hash of it.bin differs"):
        got(address, tmp_path)
    assert names(tmp_path) == []


def test_the_next_address_is_tried(tmp_path):
    with web(Site()) as address:
        file = Published(("http://127.0.0.1:9/it.bin", f"{address}/it.bin"), "it.bin", None)
        assert download(file, tmp_path, "'it'", "ask").read_bytes() == CONTENT


def test_offline_one_sentence_says_where_the_file_belongs(tmp_path):
    with pytest.raises(RunFailed) as said:
        got("http://127.0.0.1:9", tmp_path)
    sentence = str(said.value)
    assert all(
        part in sentence for part in ("127.0.0.1:9", "refused", "it.bin belongs in", str(tmp_path), "ask a friend")
    )
    assert "\n" not in sentence


def test_a_disk_that_refuses_is_named(tmp_path):
    (tmp_path / "sets").write_text("a file")
    with web(Site()) as address, pytest.raises(LthkitError, match="cannot be written"):
        got(address, tmp_path)


def _get(address, root):
    got(address, root)


def test_two_processes_get_it_once(tmp_path):
    site = Site()
    with web(site) as address:
        context = multiprocessing.get_context("forkserver")
        both = [context.Process(target=_alone, args=(address, tmp_path)) for _ in range(2)]
        for process in both:
            process.start()
        for process in both:
            process.join()
        assert [process.exitcode for process in both] == [0, 0]
    assert site.asked == [None]


def _alone(address, root):
    from lthkit.catalog.download import alone

    os.environ["no_proxy"] = "*"
    with alone(root, "it"):
        got(address, root)


# the command


def archive(names, folder="cifar-10-batches-py"):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as made:
        for name in names:
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = 3
            made.addfile(info, io.BytesIO(b"abc"))
    return content.getvalue()


BATCHES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"]


@pytest.fixture
def catalog(tmp_path):
    text = """
datasets:
  cifar10: {type: torchvision, set: CIFAR10, root: data, licence: ask them, get: ask a friend, description: Pictures.}
  mine: {type: folder, root: mine, licence: MIT, get: take photographs}
"""
    (tmp_path / "data_catalog.yaml").write_text(text)
    return tmp_path / "data_catalog.yaml"


@pytest.fixture
def published(monkeypatch):
    @contextmanager
    def offer(content, stated=None, **options):
        site = Site(content, **options)
        with web(site) as address:
            monkeypatch.setattr(datasets.CIFAR10, "url", f"{address}/cifar-10-python.tar.gz")
            monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", stated or hashlib.md5(content).hexdigest())
            yield site

    return offer


def test_nothing_is_downloaded_without_being_asked(tmp_path, catalog, published, capsys, monkeypatch):
    with published(archive(BATCHES)) as site:
        assert main(["get", "cifar10", "--catalog", str(catalog)]) == REFUSED
        assert "there is no terminal to ask; add --yes" in capsys.readouterr().err
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda question: "n")
        assert main(["get", "cifar10", "--catalog", str(catalog)]) == 0
        assert site.asked == []
        told = capsys.readouterr().out
        assert all(part in told for part in ("Pictures.", "cifar-10-python.tar.gz", "ask them", str(tmp_path / "data")))
        assert f"{len(site.content)} bytes" in told
        monkeypatch.setattr("builtins.input", lambda question: "y")
        assert main(["get", "cifar10", "--catalog", str(catalog)]) == 0
    assert names(tmp_path / "data") == sorted(BATCHES)


def test_an_archive_is_unpacked_and_what_is_there_is_not_got_again(tmp_path, catalog, published, capsys):
    with published(archive(BATCHES)) as site:
        for _ in range(2):
            assert main(["get", "cifar10", "-y", "--catalog", str(catalog)]) == 0
            assert f"'cifar10' is there: {tmp_path / 'data'}" in capsys.readouterr().out
        assert site.asked == [None]
    assert names(tmp_path / "data") == sorted(BATCHES)


def test_what_the_user_has_there_is_left_alone(tmp_path, catalog, published):
    own = tmp_path / "data" / "cifar-10-batches-py"
    own.mkdir(parents=True)
    for name in ("test_batch", "notes.txt"):
        (own / name).write_text("mine")
    with published(archive(BATCHES)):
        assert main(["get", "cifar10", "-y", "--catalog", str(catalog)]) == 0
    assert names(tmp_path / "data") == sorted([*BATCHES, "notes.txt"])
    assert (own / "test_batch").read_text() == (own / "notes.txt").read_text() == "mine"


def test_an_archive_that_leads_out_of_its_folder_writes_nothing_there(tmp_path, catalog, published, capsys):
    with published(archive(["../../../outside"])):
        assert main(["get", "cifar10", "-y", "--catalog", str(catalog)]) != 0
    assert "\n" not in capsys.readouterr().err.strip()
    assert not (tmp_path / "outside").exists()


def test_what_cannot_be_downloaded_says_how_to_get_it(catalog, capsys):
    assert main(["get", "mine", "-y", "--catalog", str(catalog)]) == REFUSED
    assert "'mine' cannot be downloaded by lthkit; to get it: take photographs" in capsys.readouterr().err
    assert main(["get", "cifra10", "-y", "--catalog", str(catalog)]) == REFUSED
    assert "did you mean 'cifar10'" in capsys.readouterr().err
    assert main(["get", "digits", "-y", "--catalog", str(catalog)]) == 0


def test_another_hash_is_a_failed_run(tmp_path, catalog, published, capsys):
    with published(archive(BATCHES), stated="0" * 32):
        assert main(["get", "cifar10", "-y", "--catalog", str(catalog)]) == FAILED
    assert "sent another file than the published one" in capsys.readouterr().err
    assert names(tmp_path / "data") == []


def _command(catalog, address, content):
    os.environ["no_proxy"] = "*"
    # what this process inherited from those before it: a script's background ignores interruptions, a server of
    # training processes, which another test may have started, holds them back
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    datasets.CIFAR10.url = f"{address}/cifar-10-python.tar.gz"
    datasets.CIFAR10.tgz_md5 = hashlib.md5(content).hexdigest()
    os._exit(main(["get", "cifar10", "-y", "--catalog", str(catalog)]))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_download_that_is_stopped_goes_on_where_it_was(tmp_path, catalog, end):
    content = archive(BATCHES) + bytes(1_000_000)
    site = Site(content, cut=600_000, hang=True)
    part = tmp_path / "data" / f"cifar-10-python.tar.gz{PART}"
    with web(site) as address:
        context = multiprocessing.get_context("forkserver")
        process = context.Process(target=_command, args=(catalog, address, content))
        process.start()
        until = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size >= 500_000) and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(process.pid, end)
        process.join()
        assert process.exitcode == (INTERRUPTED if end == signal.SIGINT else -signal.SIGKILL)
        have, site.cut = part.stat().st_size, None
        process = context.Process(target=_command, args=(catalog, address, content))
        process.start()
        process.join()
        assert process.exitcode == 0
    assert site.asked == [None, f"bytes={have}-"]
    assert names(tmp_path / "data") == sorted(BATCHES)


def test_weights_are_got_alike(tmp_path, capsys, monkeypatch):
    from torchvision.models import ResNet18_Weights

    content = b"weights"
    name = f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    text = f"checkpoints:\n  w: {{type: torchvision-weights, weights: {ResNet18_Weights.IMAGENET1K_V1}, root: w, "
    (tmp_path / "data_catalog.yaml").write_text(text + "licence: unknown, get: ask}\n")
    with web(Site(content)) as address:
        monkeypatch.setattr(ResNet18_Weights.IMAGENET1K_V1.value, "url", f"{address}/{name}")
        assert main(["get", "w", "-y", "--catalog", str(tmp_path / "data_catalog.yaml")]) == 0
    assert load_catalog(tmp_path / "data_catalog.yaml").checkpoint("w").locate(tmp_path).read_bytes() == content
    assert "7 bytes" in capsys.readouterr().out
