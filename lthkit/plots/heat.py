"""Colours of heatmaps: shares on a logarithmic scale, and ratios to chance."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

DIVERGING = "PuOr_r"
SHARES = "Viridis"
MOST_TIMES = 16
STEPS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 1e-4, 1e-5, 1e-6)
MOST_TICKS = 8


def share_heat(share: np.ndarray, what: str, hover: str, bar: dict[str, Any], **rest: Any) -> go.Heatmap:
    """Fractions 0…1 as colours on a logarithmic scale; 0 has the colour below the least other, NaN none.

    Args:
        share: (rows, columns).
        what: title of the colour bar.
        hover: template of what a cell says; ``%{customdata}`` is its share in %.
        bar: where the colour bar stands.
        rest: further settings of the trace.
    """
    known = share[share > 0]
    least = float(known.min()) if known.size else 0.1
    foot = least / 1.6 if (share == 0).any() else least
    top = float(known.max()) if known.size else 1.0
    ticks = [step for step in STEPS if least * 0.99 <= step <= top * 1.01]
    ticks = ticks[:: -(-len(ticks) // MOST_TICKS)] if len(ticks) > MOST_TICKS else ticks
    ticks = ticks or [top]
    marks = [(np.log10(tick), f"{100 * tick:.4g} %") for tick in ticks]
    if (share == 0).any():
        marks.append((np.log10(foot), "0"))
    elif len(ticks) < 3:
        marks.append((np.log10(least), f"{100 * least:.2g} %"))
    return go.Heatmap(
        z=np.log10(np.where(share == 0, foot, share)),
        zmin=np.log10(foot),
        zmax=np.log10(max(top, foot * 1.01)),
        colorscale=SHARES,
        colorbar={
            "title": {"text": what},
            "tickvals": [at for at, _ in marks],
            "ticktext": [t for _, t in marks],
            **bar,
        },
        customdata=100 * share,
        hovertemplate=hover,
        **rest,
    )


def ratio_heat(ratio: np.ndarray, what: str, hover: str, bar: dict[str, Any], **rest: Any) -> go.Heatmap:
    """Ratios as colours on a logarithmic scale around 1, equally far to either side, at most to 16 times.

    Args:
        ratio: (rows, columns), at least 0; NaN has no colour.
        what: title of the colour bar.
        hover: template of what a cell says; ``%{customdata}`` is its ratio.
        bar: where the colour bar stands.
        rest: further settings of the trace.
    """
    known = ratio[ratio > 0]
    furthest = float(np.exp2(np.abs(np.log2(known)).max())) if known.size else 1.0
    reach = float(np.ceil(np.log2(np.clip(furthest, 2, MOST_TIMES))))
    powers = np.arange(-reach, reach + 1)
    texts = [f"×{2.0**power:g}" if power >= 0 else f"×1/{2.0**-power:g}" for power in powers]
    if furthest > MOST_TIMES:
        texts[0], texts[-1] = f"{texts[0]} or less", f"{texts[-1]} or more"
    logs = np.log2(np.where(ratio > 0, ratio, np.where(ratio == 0, 2.0**-reach, np.nan)))
    logs = np.clip(logs, -reach, reach)
    return go.Heatmap(
        z=logs,
        zmin=-reach,
        zmax=reach,
        colorscale=DIVERGING,
        colorbar={"title": {"text": what}, "tickvals": powers, "ticktext": texts, **bar},
        customdata=ratio,
        hovertemplate=hover,
        **rest,
    )
