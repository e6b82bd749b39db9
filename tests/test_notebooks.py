"""Every notebook runs top to bottom at the smoke scale, and is as a notebook of this project should be."""

import ast
import html
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# what makes each notebook write into the test's own folder
OUTPUTS = {
    "00_tour": {"out": "."},
    "01_find_ticket": {"out": "."},
    "02_transfer_ticket": {"out": "."},
    "03_compare_masks": {"out": "."},
    "04_kernel_heatmaps": {"out": "."},
    "05_mask_sensitivity": {"out": "."},
    "06_size_and_temperature": {"out": "."},
    "07_explore": {"out": "."},
    "08_detection": {"out": ".", "processes": 1, "rounds": [3], "metrics": ["AP50"]},
    "09_segmentation": {"out": ".", "processes": 1, "rounds": [3]},
    "10_study_report": {"out": "."},
    "11_why": {"out": ".", "rounds": [0, 2], "orders": 2, "points": 3, "seeds": [0], "processes": 1},
    "12_cut_and_time": {"out": ".", "rounds": [2], "variants": ["masked", "cut", "sparse rows"], "repetitions": 3},
}


def code_cells(path):
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def table_widths(path):
    """Pixels that each table in a notebook's outputs needs, about: its words do not break, its cells have margins."""
    for cell in code_cells(path):
        for table in (output.get("data", {}).get("text/html", "") for output in cell.outputs):
            columns = {}
            for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL):
                for place, text in enumerate(re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)):
                    columns.setdefault(place, []).extend(map(len, html.unescape(text).split() or [""]))
            if columns:
                yield sum(7.5 * max(lengths) + 12 for lengths in columns.values())


def test_there_are_notebooks_and_each_is_run_here():
    assert {path.stem for path in NOTEBOOKS} == OUTPUTS.keys()


def test_all_run_at_the_smoke_scale(tmp_path):
    for path in NOTEBOOKS:
        notebook = papermill.execute.parameterize_notebook(
            papermill.iorw.load_notebook_node(str(path)), {"scale": "smoke", **OUTPUTS[path.stem]}
        )
        folder = tmp_path / path.stem
        folder.mkdir()
        nbformat.write(notebook, folder / path.name)
    environment = os.environ | {"LTHKIT_BATCH": "1"}
    command = [sys.executable, "-m", "pytest", "--nbmake", "-p", "no:cacheprovider", "-q", "--overwrite"]
    halves = [[str(tmp_path / path.stem) for path in NOTEBOOKS[part::2]] for part in range(2)]  # a core each
    running = [
        subprocess.Popen(
            [*command, *half],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
        )
        for half in halves
    ]
    told = [ran.communicate()[0] for ran in running]
    for ran, half, said in zip(running, halves, told, strict=True):
        assert ran.returncode == 0, said[-5000:]
        assert f"{len(half)} passed" in said
    widths = {path.stem: list(table_widths(tmp_path / path.stem / path.name)) for path in NOTEBOOKS}
    assert all(widths[name] for name in ("00_tour", "02_transfer_ticket", "03_compare_masks", "05_mask_sensitivity"))
    assert max(width for found in widths.values() for width in found) <= 768, widths  # of a cell beside the side bar
    pictures = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png")}
    assert pictures >= {
        "00_tour/story.png",
        "00_tour/curve.png",
        "00_tour/kernels.png",
        "01_find_ticket/layers.png",
        "06_size_and_temperature/size.png",
        "06_size_and_temperature/temperature.png",
        "07_explore/explore.png",
        "08_detection/yolov4-predictions.png",
        "08_detection/yolov4-AP50.png",
        "09_segmentation/classes.png",
        "11_why/barriers.png",
        "11_why/early-bird.png",
        "12_cut_and_time/latency.png",
        "09_segmentation/found.png",
        "10_study_report/mehta2019-fig7-1.png",
    }
    report = (tmp_path / "10_study_report" / "report.html").read_text()
    assert "Mehta 2019, Figure 7" in report
    assert "matches up to" in report


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_is_prose_one_parameters_cell_and_calls(path):
    cells = code_cells(path)
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    # a comment for every default that its name does not explain
    assert sum("#" in line for line in tagged[0].source.splitlines()) >= len(tagged[0].source.splitlines()) - 3
    for cell in cells:
        assert not cell.outputs
        assert cell.execution_count is None
        functions = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.FunctionDef)]
        assert all(node.end_lineno - node.lineno < 5 for node in functions)
