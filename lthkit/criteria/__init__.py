"""Criteria: what is pruned first. Scores by weight, from the weights alone or with gradients on given batches."""

from lthkit.criteria.gradients import flow_gradients, hessian_products, loss_gradients
from lthkit.criteria.known import CRITERIA, Criterion, find_criterion, scores
from lthkit.criteria.rules import grasp, magnitude, snip, synflow

__all__ = [
    "CRITERIA",
    "Criterion",
    "find_criterion",
    "flow_gradients",
    "grasp",
    "hessian_products",
    "loss_gradients",
    "magnitude",
    "scores",
    "snip",
    "synflow",
]
