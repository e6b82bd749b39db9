"""What a report draws of a study, as the study's file says it."""

from typing import Literal

from pydantic import Field

from lthkit.config import Config


class Source(Config):
    """Where scores come from: the runs of a step.

    Attributes:
        step: of the study.
        store: of a search below a run's folder, whose rounds are drawn; otherwise results are. ``{axis}`` in it is the
            run's label.
        results: folder of results below a run's folder.
        masks: kinds of masks to draw; all if left out.
        weights: starts to draw; all if left out.
        at: axis → label: only these runs.
        labels: axis → label, for runs that have no label of an axis that panels or lines go by.
        published: fields by which the paper's outcome of this line is chosen, beside the figure's.
        name: what the line is called, before the labels that tell lines apart.
    """

    step: str
    store: str | None = None
    results: str = "results"
    masks: list[str] | None = None
    weights: list[str] | None = None
    at: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    published: dict[str, str] = Field(default_factory=dict)
    name: str = ""


class Figure(Config):
    """One figure.

    Attributes:
        kind: ``scores``: lines of scores in panels; ``overlap``: similarity of masks (Chen et al., Fig. 6 top);
            ``zero_kernels``: their number (Fig. 6 bottom); ``kernels``: all kernels as a map (Fig. 7).
        title: instead of the one made from the results.
        of: where the scores, or the masks, come from.
        panels: axes: a panel for each combination of their labels; at most two, rows and columns.
        lines: axes whose labels tell lines apart, ``mask`` and ``weights`` of results among them.
        by: what scores are drawn against: ``sparsity``, ``left`` (the number of weights left) or an axis of numbers.
        metric: instead of the one that counts.
        sparsity: of a map, and of the numbers beside an overlap.
        published: chooses outcomes of the paper by their fields (``lthkit.papers.outcomes``), beside what a run's
            labels say: the axes ``pretraining`` and ``target``, and the start of its weights.
    """

    kind: Literal["scores", "overlap", "zero_kernels", "kernels"] = "scores"
    title: str = ""
    of: list[Source]
    panels: list[str] = Field(default_factory=list)
    lines: list[str] = Field(default_factory=list)
    by: str = "sparsity"
    metric: str | None = None
    sparsity: float = 0.7903
    published: dict[str, str] = Field(default_factory=dict)
