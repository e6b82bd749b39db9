"""Scores without training as plain text."""

from collections.abc import Mapping
from typing import Any

from lthkit.analysis.labels import score_name
from lthkit.terminal import pairs


def evaluation_report(found: Mapping[str, Any]) -> str:
    """What ``lthkit.evaluate`` found, the metric that counts first."""
    metrics = sorted(
        (key.removeprefix("test_") for key in found if key.startswith("test_") and key != "test_share"),
        key=lambda name: name != found["metric"],
    )
    lines = [("weights", found["weights"].replace("\n", "; ")), ("sparsity", f"{100 * found['sparsity']:.2f} %")]
    for name in metrics:
        lines.append((score_name(name, found["test_share"]), f"{found[f'test_{name}']:.4f}"))
        if f"validation_{name}" in found:
            lines.append((f"validation {name}", f"{found[f'validation_{name}']:.4f}"))
    return pairs(lines + ([] if found["chance"] is None else [("chance", f"{found['chance']:.4f}")]))
