import base64

import plotly.graph_objects as go
import pytest

from lthkit import display

FIGURE = go.Figure(go.Scatter(y=[1, 2]), layout={"width": 300, "height": 200})


class Shell:
    kernel = object()


@pytest.fixture
def shown(monkeypatch):
    calls = []
    monkeypatch.setattr(display, "display", lambda data, raw=False: calls.append((data, raw)))
    monkeypatch.delenv("LTHKIT_BATCH", raising=False)
    return calls


def test_batch_shows_a_picture_with_alternative_text(shown, monkeypatch):
    monkeypatch.setenv("LTHKIT_BATCH", "1")
    monkeypatch.setattr(display, "get_ipython", Shell)
    display.show(FIGURE, "a rising line")
    data, metadata = shown[0][0]._repr_png_()
    assert base64.b64decode(data).startswith(b"\x89PNG")
    assert metadata == {"alt": "a rising line", "width": 300}


def test_live_notebook_shows_the_interactive_figure_without_upload(shown, monkeypatch):
    monkeypatch.setattr(display, "get_ipython", Shell)
    display.show(FIGURE, "a rising line")
    (words, _), (bundle, raw) = shown
    assert 'role="img" aria-label="a rising line"' in words.data
    assert raw
    assert set(bundle) == {"application/vnd.plotly.v1+json", "image/png", "text/plain"}
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    plain = bundle["application/vnd.plotly.v1+json"]
    assert plain["data"][0]["y"] == [1, 2]
    assert plain["config"]["showSendToCloud"] is False
    assert (plain["config"]["responsive"], plain["layout"]["height"]) == (False, 200)
    assert "width" not in plain["layout"]
    assert bundle["text/plain"] == "a rising line"


def test_without_a_front_end_a_picture_is_shown(shown, monkeypatch):
    monkeypatch.setattr(display, "get_ipython", lambda: None)
    display.show(FIGURE, "a rising line")
    assert shown[0][0].data.startswith(b"\x89PNG")


@pytest.mark.parametrize(("value", "batch"), [("1", True), ("0", False), ("", False), (None, False)])
def test_batch_is_told_by_the_environment(monkeypatch, value, batch):
    monkeypatch.delenv("LTHKIT_BATCH", raising=False)
    if value is not None:
        monkeypatch.setenv("LTHKIT_BATCH", value)
    assert display.is_batch() is batch
