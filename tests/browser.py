"""A real JupyterLab or Voilà in a real Chromium, for tests: each with folders and a port of its own."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import papermill

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE = 240  # seconds
NEWS = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}


def missing() -> str:
    """What a test in a browser lacks here, empty if nothing."""
    try:
        import playwright  # noqa: F401
        import voila  # noqa: F401
    except ImportError as error:
        return f"{error.name} is not installed (pip install 'lthkit[test]')"
    return "" if shutil.which("chromium") else "there is no chromium (apt-get install chromium)"


def prepared(stem: str, folder: Path, parameters: dict) -> Path:
    """A notebook with these parameters, ready to be opened."""
    notebook = papermill.iorw.load_notebook_node(str(NOTEBOOKS / f"{stem}.ipynb"))
    path = folder / f"{stem}.ipynb"
    nbformat.write(papermill.execute.parameterize_notebook(notebook, parameters), path)
    return path


@contextmanager
def jupyterlab(folder: Path, theme: str = "JupyterLab Light") -> Iterator[str]:
    """JupyterLab over the notebooks of ``folder``; gives the address up to the notebook's name."""
    own = folder / ".jupyter"
    _settings(own / "settings", "notification", NEWS)
    _settings(own / "settings", "themes", {"theme": theme})
    port = _free_port()
    switches = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token=secret"]
    switches += [f"--ServerApp.root_dir={folder}", "--LabApp.extension_manager=readonly"]
    with _server(["-m", "jupyterlab", *switches], own, port):
        yield f"http://127.0.0.1:{port}/lab/tree/{{}}?token=secret&reset"


@contextmanager
def voila(notebook: Path) -> Iterator[str]:
    """A notebook as Voilà's app; gives its address."""
    port = _free_port()
    switches = [f"--port={port}", "--no-browser", "--Voila.ip=127.0.0.1"]
    with _server(["-m", "voila", str(notebook), *switches], notebook.parent / ".jupyter", port):
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def chromium(width: int = 1500, height: int = 1150) -> Iterator:
    """A page of a fresh Chromium, and the list of errors that it reports."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(1000 * PATIENCE)
        errors: list[str] = []
        page.on("console", lambda said: said.type == "error" and errors.append(f"{said.text} ({said.location['url']})"))
        page.on("pageerror", lambda error: errors.append(str(error)))
        try:
            yield page, errors
        finally:
            browser.close()


def run_all(page, address: str) -> None:
    """Open a notebook in JupyterLab and run all its cells."""
    page.goto(address)
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def _settings(folder: Path, plugin: str, values: dict) -> None:
    path = folder / "@jupyterlab" / "apputils-extension" / f"{plugin}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def _server(command: list[str], own: Path, port: int) -> Iterator[None]:
    own.mkdir(exist_ok=True)
    folders = {"RUNTIME": "runtime", "CONFIG": "config", "DATA": "data"}
    environment = {key: value for key, value in os.environ.items() if key != "LTHKIT_BATCH"}
    environment |= {f"JUPYTER_{key}_DIR": str(own / name) for key, name in folders.items()}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(own / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(own / "spaces")}
    environment |= {"IPYTHONDIR": str(own / "ipython")}
    with (own / "log").open("w") as log:
        server = subprocess.Popen([sys.executable, *command], env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(server, port, own / "log")
        yield
    finally:
        server.terminate()
        server.wait(20)


def _wait(server: subprocess.Popen, port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")
