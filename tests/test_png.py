import io

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image
from plotly.subplots import make_subplots

from lthkit.errors import LthkitError
from lthkit.plots import png
from lthkit.plots.png.style import colour

BARE = {"showgrid": False, "showticklabels": False}
WIDE = {"margin": {"l": 20, "r": 20, "t": 20, "b": 20}, "plot_bgcolor": "white", "xaxis": BARE, "yaxis": BARE}
RED, BLUE, GREEN, WHITE = (255, 0, 0), (0, 0, 255), (0, 128, 0), (255, 255, 255)


def draw(*traces, layout=None, **options):
    figure = go.Figure(list(traces), layout={**WIDE, **(layout or {})})
    return pixels(figure, **options)


def pixels(figure, width=200, height=100, scale=1, **options):
    picture = Image.open(io.BytesIO(png(figure, width=width, height=height, scale=scale, **options)))
    return np.asarray(picture.convert("RGBA"))


def has(image, colour):
    return bool((image[..., :3] == colour).all(axis=-1).any())


def at(image, x, y):
    """The pixel at fractions of the plotting area, from its lower left."""
    height, width = image.shape[:2]
    return tuple(image[round((1 - y) * (height - 40) + 20), round(x * (width - 40) + 20), :3].tolist())


@pytest.mark.parametrize(("scale", "size"), [(1, (200, 100)), (2, (400, 200)), (1.5, (300, 150))])
def test_size_is_that_asked_for_times_the_scale(scale, size):
    data = png(go.Figure(go.Scatter(y=[1, 2])), width=200, height=100, scale=scale)
    assert Image.open(io.BytesIO(data)).size == size


def test_size_falls_back_to_the_figures_own():
    figure = go.Figure(go.Scatter(y=[1, 2]), layout={"width": 320, "height": 240})
    assert Image.open(io.BytesIO(png(figure, scale=1))).size == (320, 240)


def test_same_figure_gives_the_same_bytes_and_is_not_changed():
    figure = go.Figure(go.Bar(x=["a", "b"], y=[1, 2]), layout={"title": {"text": "t"}})
    before = figure.to_json()
    assert png(figure) == png(figure)
    assert figure.to_json() == before


def test_heatmap_cells_have_exactly_their_colours():
    scale = [[0, "rgb(255,0,0)"], [0.5, "rgb(255,0,0)"], [0.5, "#0000FF"], [1, "#0000FF"]]
    image = draw(go.Heatmap(z=[[0, 1], [1, 0]], colorscale=scale, zmin=0, zmax=1, showscale=False))
    assert at(image, 0.25, 0.25) == RED
    assert at(image, 0.75, 0.25) == BLUE
    assert at(image, 0.25, 0.75) == BLUE
    assert at(image, 0.75, 0.75) == RED


def test_reversed_axis_puts_the_first_row_on_top():
    heatmap = go.Heatmap(z=[[0], [1]], colorscale=[[0, "red"], [1, "blue"]], showscale=False)
    image = draw(heatmap, layout={"yaxis": BARE | {"autorange": "reversed"}})
    assert at(image, 0.5, 0.75) == RED
    assert at(image, 0.5, 0.25) == BLUE


def test_heatmap_takes_categories_gaps_and_shared_colours():
    layout = {"coloraxis": {"colorscale": [[0, "red"], [1, "blue"]], "cmin": 0, "cmax": 1, "showscale": False}}
    image = draw(go.Heatmap(x=["a", "b"], y=["c"], z=[[None, 1]], coloraxis="coloraxis"), layout=layout)
    assert at(image, 0.25, 0.5) == WHITE
    assert at(image, 0.75, 0.5) == BLUE


def test_heatmap_texts_are_drawn():
    heatmap = go.Heatmap(z=[[1.0]], colorscale=[[0, "red"], [1, "red"]], showscale=False)
    bare = draw(heatmap)
    assert not np.array_equal(bare, draw(heatmap.update(texttemplate="%{z:.2f}")))
    with pytest.raises(LthkitError, match="texttemplate"):
        draw(heatmap.update(texttemplate="%{customdata}"))


def test_colour_bar_shows_the_scale():
    heatmap = go.Heatmap(z=[[0, 0]], zmin=0, zmax=1, colorscale=[[0, "red"], [1, "blue"]])

    def bluest(image):
        return (image[..., 2].astype(int) - image[..., 0] - image[..., 1]).max()

    assert bluest(draw(heatmap.update(showscale=False))) < 50
    assert bluest(draw(heatmap.update(showscale=True, colorbar={"title": {"text": "t"}}))) > 230


def test_lines_markers_and_dashes():
    line = go.Scatter(x=[0, 1], y=[0, 0], mode="lines", line={"color": "red", "width": 4})
    image = draw(line)
    assert at(image, 0.5, 0.5) == RED
    row = draw(go.Scatter(line).update(line={"dash": "dash"}))[50]
    assert has(row, RED)
    assert has(row[60:140], WHITE)
    dots = draw(go.Scatter(x=[0, 1, 2], y=[0, 0, 0], mode="markers", marker={"color": "blue", "size": 12}))
    assert at(dots, 0.5, 0.5) == BLUE
    assert not has(dots, RED)


def test_each_marker_has_its_own_colour_and_numbers_go_through_the_scale():
    marker = {"color": ["red", "blue", "green"], "size": 12}
    image = draw(go.Scatter(x=[0, 1, 2], y=[0, 0, 0], mode="markers", marker=marker))
    assert all(has(image, tint) for tint in (RED, BLUE, GREEN))
    marker = {"color": [0, 1], "colorscale": [[0, "red"], [1, "blue"]], "size": 12}
    image = draw(go.Scatter(x=[0, 1], y=[0, 0], mode="markers", marker=marker))
    assert has(image, RED)
    assert has(image, BLUE)


def test_a_gap_in_a_line_stays_open():
    line = go.Scatter(x=[0, 1, 2, 3], y=[0, None, 0, 0], mode="lines", line={"color": "red", "width": 4})
    assert at(draw(line), 0.25, 0.5) == WHITE
    assert at(draw(line.update(connectgaps=True)), 0.25, 0.5) == RED


def test_bands_fill_to_the_curve_before_and_to_themselves():
    ends = [0, 1]
    low = go.Scatter(x=ends, y=[0, 0], mode="lines", line={"width": 0})
    high = go.Scatter(x=ends, y=[1, 1], mode="lines", line={"width": 0}, fill="tonexty", fillcolor="blue")
    assert at(draw(low, high), 0.5, 0.5) == BLUE
    ring = go.Scatter(x=[0, 1, 1, 0], y=[0, 0, 1, 1], mode="lines", line={"width": 0}, fill="toself", fillcolor="red")
    assert at(draw(ring), 0.5, 0.5) == RED


def test_error_bars_reach_as_far_as_told():
    point = {"x": [0], "y": [0], "mode": "markers", "marker": {"color": "red", "size": 4}}
    layout = {"yaxis": BARE | {"range": [-2, 2]}}
    bare, barred = (
        draw(go.Scatter(**point, error_y=error), layout=layout)
        for error in (None, {"array": [1.9], "arrayminus": [0.1], "color": "blue"})
    )
    assert not has(bare, BLUE)
    assert at(barred, 0.5, 0.9) == BLUE
    assert at(barred, 0.5, 0.1) == WHITE


def test_bars_stand_beside_each_other_or_on_top():
    first, second = (go.Bar(x=["a"], y=[1], marker={"color": tint}) for tint in ("red", "blue"))
    layout = {"showlegend": False, "yaxis": BARE | {"range": [0, 2]}}
    grouped = draw(first, second, layout=layout)
    assert at(grouped, 0.3, 0.25) == RED
    assert at(grouped, 0.7, 0.25) == BLUE
    assert at(grouped, 0.5, 0.75) == WHITE
    stacked = draw(first, second, layout=layout | {"barmode": "stack"})
    assert at(stacked, 0.5, 0.25) == RED
    assert at(stacked, 0.5, 0.75) == BLUE


def test_lying_bars():
    image = draw(
        go.Bar(y=["a"], x=[1], orientation="h", marker={"color": "red"}), layout={"xaxis": BARE | {"range": [0, 2]}}
    )
    assert at(image, 0.25, 0.5) == RED
    assert at(image, 0.75, 0.5) == WHITE


def test_image_is_drawn_pixel_by_pixel_from_the_top():
    picture = np.zeros((2, 4, 3), np.uint8)
    picture[0, :, 0] = 255
    picture[1, :, 2] = 255
    image = draw(go.Image(z=picture))
    assert at(image, 0.5, 0.75) == RED
    assert at(image, 0.5, 0.25) == BLUE


def test_embedded_image_is_drawn_and_a_linked_one_refused():
    buffer = io.BytesIO()
    Image.new("RGB", (4, 2), RED).save(buffer, "PNG")
    import base64

    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    assert at(draw(go.Image(source=source)), 0.5, 0.5) == RED
    with pytest.raises(LthkitError, match="give the pixels as z"):
        draw(go.Image(source="https://example.org/a.png"))


def test_logarithmic_axis_and_its_range_in_exponents():
    dots = go.Scatter(x=[1, 10, 100], y=[0, 0, 0], mode="markers", marker={"color": "red", "size": 10})
    image = draw(dots, layout={"xaxis": BARE | {"type": "log", "range": [2, 0]}})
    assert at(image, 0.5, 0.5) == RED


def test_subplots_keep_their_domains():
    figure = make_subplots(rows=2, cols=1, vertical_spacing=0)
    for row, tint in ((1, "red"), (2, "blue")):
        scale = [[0, tint], [1, tint]]
        figure.add_heatmap(z=[[1]], colorscale=scale, showscale=False, row=row, col=1)
    figure.update_layout(WIDE | {"xaxis2": BARE, "yaxis2": BARE, "xaxis": {"domain": [0, 1], **BARE}})
    image = pixels(figure)
    assert at(image, 0.5, 0.75) == RED
    assert at(image, 0.5, 0.25) == BLUE


def test_second_y_axis_lies_over_the_first():
    dots = {"x": [0], "mode": "markers", "marker": {"size": 14}}
    first = go.Scatter(**dots, y=[0.25]).update(marker={"color": "red"})
    second = go.Scatter(**dots, y=[75], yaxis="y2").update(marker={"color": "blue"})
    second_axis = BARE | {"overlaying": "y", "side": "right", "range": [0, 100]}
    layout = {"yaxis": BARE | {"range": [0, 1]}, "yaxis2": second_axis, "showlegend": False}
    image = draw(first, second, layout=layout)
    assert at(image, 0.5, 0.25) == RED
    assert at(image, 0.5, 0.75) == BLUE


def test_shapes_and_lines_across_the_axes():
    figure = go.Figure(go.Scatter(x=[0, 4], y=[0, 4], mode="markers", marker={"color": "white"}), layout=WIDE)
    figure.update_layout(xaxis_range=[0, 4], yaxis_range=[0, 4])
    figure.add_hline(y=1, line={"color": "red", "width": 4})
    figure.add_vline(x=1, line={"color": "blue", "width": 4})
    figure.add_shape(type="rect", x0=2, x1=4, y0=2, y1=4, fillcolor="green", line={"width": 0})
    image = pixels(figure)
    assert at(image, 0.9, 0.25) == RED
    assert at(image, 0.25, 0.9) == BLUE
    assert at(image, 0.75, 0.75) == GREEN
    figure.add_shape(type="circle", x0=0, x1=1, y0=0, y1=1)
    with pytest.raises(LthkitError, match="shape 'circle'"):
        png(figure)


def test_titles_ticks_legend_and_annotations_leave_ink():
    plain = go.Figure([go.Scatter(y=[1, 2], name="one"), go.Scatter(y=[2, 1], name="two")])
    plain.update_layout(showlegend=False)
    before = pixels(plain, 400, 300)
    for change in (
        {"title": {"text": "Title"}},
        {"title": {"subtitle": {"text": "below"}}},
        {"showlegend": True},
        {"xaxis": {"title": {"text": "x<sub>1</sub> (%)"}}},
        {"yaxis": {"tickvals": [1, 2], "ticktext": ["one", "two"]}},
        {"annotations": [{"text": "here<br>there", "x": 0.5, "y": 1.5}]},
        {"annotations": [{"text": "on paper", "x": 1, "y": 1, "xref": "paper", "yref": "paper", "showarrow": False}]},
    ):
        assert not np.array_equal(before, pixels(go.Figure(plain).update_layout(change), 400, 300)), change


def test_long_labels_and_titles_stay_inside_the_picture():
    names = [f"layer4.{index}.a_very_long_name_of_a_layer" for index in range(5)]
    figure = go.Figure([go.Scatter(x=names, y=[1, 2, 3, 2, 1], name=f"a long name {n}") for n in range(3)])
    figure.update_layout(xaxis={"tickangle": -90}, title={"text": "A title that is far too long for one line " * 3})
    image = pixels(figure, 500, 500)
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert (border == 255).all()


def test_transparent_paper_is_white_unless_told_otherwise():
    clear = {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
    line = go.Scatter(y=[1, 2])
    assert draw(line, layout=clear)[0, 0].tolist() == [255, 255, 255, 255]
    assert draw(line, layout=clear, background=None)[0, 0, 3] == 0
    assert draw(line, layout={"paper_bgcolor": "#0000FF"})[0, 0].tolist() == [0, 0, 255, 255]


def test_templates_give_the_colours_that_traces_lack():
    template = go.layout.Template(layout={"colorway": ["red", "blue"]})
    image = draw(go.Scatter(y=[1, 1], mode="lines", line={"width": 4}), layout={"template": template})
    assert has(image, RED)


@pytest.mark.parametrize("text", ["#F00", "#ff0000", "red", "rgb(255, 0,0)", "rgba(255,0,0,1)"])
def test_ways_to_write_a_colour(text):
    assert at(draw(go.Scatter(y=[1, 1], line={"color": text, "width": 5})), 0.5, 0.5) == RED


def test_a_colour_without_commas_which_not_every_plotly_takes():
    assert colour("rgb(255 0 0)") == colour("rgb(255, 0, 0)") == (1, 0, 0, 1)


def test_hidden_traces_are_not_drawn():
    line = go.Scatter(y=[1, 1], line={"color": "red"})
    assert has(draw(line), RED)
    assert not has(draw(line.update(visible="legendonly")), RED)


@pytest.mark.parametrize(
    ("trace", "match"),
    [
        (go.Pie(values=[1]), "trace of type 'pie'"),
        (go.Scatter(y=[1], error_x={"array": [1]}), "'error_x'"),
        (go.Bar(y=[1], text=["a"]), "'text'"),
        (go.Scatter(y=[1, 2], fill="tozerox"), "fill 'tozerox'"),
        (go.Scatter(y=[1, 2], line={"shape": "spline"}), "shape 'spline'"),
        (go.Scatter(y=[1], marker={"symbol": "hourglass"}), "symbol 'hourglass'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(trace, match):
    with pytest.raises(LthkitError, match=match):
        png(go.Figure(trace))


@pytest.mark.parametrize(
    ("layout", "match"),
    [
        ({"xaxis": {"type": "date"}}, "type 'date'"),
        ({"xaxis": {"tickformat": "~s"}}, "tick format '~s'"),
        ({"shapes": [{"type": "line", "xref": "x7", "x0": 0, "x1": 1, "y0": 0, "y1": 1}]}, "axis 'x7'"),
        ({"paper_bgcolor": "hsl(0,100%,50%)"}, "colour 'hsl"),
    ],
)
def test_layout_that_cannot_be_drawn_is_refused_by_name(layout, match):
    with pytest.raises(LthkitError, match=match):
        png(go.Figure(go.Scatter(y=[1]), layout=layout))


def test_figure_without_traces_is_an_empty_picture():
    assert draw().shape == (100, 200, 4)
