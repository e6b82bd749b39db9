"""Tiny searches of detection and segmentation, on a few digits pasted on photographs."""

from pathlib import Path

from tiny import tiny_config

from lthkit.catalog import Catalog, load_catalog
from lthkit.search import SearchConfig
from lthkit.search.prepare import make_task
from lthkit.tasks import Task

CATALOG = """
datasets:
  few-digits:
    type: pasted-digits
    package: scikit-learn
    size: 32
    count: 12
    test_count: 8
    licence: unknown
    get: it is made
checkpoints: {}
"""
OPTIONS = {
    "segmentation": {"width": 16, "dropout": 0.0, "smallest": 0.5, "largest": 2.0},
    "detection": {"width": 8, "anchors": "data", "mosaic": 0.5, "mixup": 0.5},
    "detection fpn": {"detector": "faster-rcnn", "width": 8, "regions": 16, "samples": 16, "mosaic": 0.5},
    "detection c4": {"detector": "faster-rcnn", "form": "c4", "regions": 16, "samples": 16},
    "detection ssd": {"detector": "ssd", "width": 16, "smallest": 0.8, "largest": 1.2},
}
"""By case: the name of the task and, of detection, what stands on the backbone."""


def scenes_config(case: str, **changes) -> SearchConfig:
    base = {
        "task": {"name": case.split()[0], "options": dict(OPTIONS[case])},
        "model": {"name": "narrow:resnet"},
        "data": {"name": "few-digits", "size": 32, "validation": 0.25},
        "plan": {
            "steps": 3,
            "batch_size": 4,
            "learning_rate": 0.01,
            "schedule": "polynomial",
            "evaluate_every": 3,
            "threads": 1,
            "device": "cpu",
        },
        "pruning": {"rounds": 1},
    }
    return tiny_config(base, **changes)


def few_digits(folder: Path) -> Path:
    """A catalog with the entry ``few-digits``, for the environment variable that names catalogs."""
    path = folder / "data_catalog.yaml"
    path.write_text(CATALOG)
    return path


def task_from(config: SearchConfig, catalog: Catalog | None = None) -> Task:
    return make_task(config.model_copy(update={"plan": config.plan.resolved()}), catalog or load_catalog())
