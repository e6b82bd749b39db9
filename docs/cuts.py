"""The table of docs/cutting.md: what is cut out of made-up tickets of ResNets, and what that gains on this machine."""

from itertools import product

from lthkit import cutting, granularity, masks, models
from lthkit.timing import made_up, time_network

SHAPE = (3, 224, 224)
SPARSITIES = (0.5, 0.9, 0.98)


def main() -> None:
    """Print it as Markdown."""
    print("| network | by | removed | channels cut | multiply-adds ÷ dense | masked ÷ dense | cut ÷ dense |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for name, unit, sparsity in product(("resnet18", "resnet50"), ("weight", "filter"), SPARSITIES):
        print(row(name, unit, sparsity), flush=True)


def row(name: str, unit: str, sparsity: float) -> str:
    """One network, its largest weights (of all layers) or filters (of each layer) left."""
    network = models.build(models.ModelSpec(name=name), 1000, seed=0).eval()
    prunable = models.prunable(network)
    weights, dense = {key: network.get_parameter(key) for key in prunable}, masks.dense(prunable)
    keep = {key: max(1, round((1 - sparsity) * len(mask))) for key, mask in dense.items()}
    ticket = granularity.prune_units(
        weights, dense, keep if unit == "filter" else round((1 - sparsity) * masks.size(dense)), unit
    )
    facts = cutting.cut_network(network, ticket, SHAPE).meta["lthkit"]
    timed = time_network(made_up(network, ticket, SHAPE), (1,), names=("dense", "masked", "cut"))
    dense_row, masked, cut = (timed.loc[place] for place in range(3))
    cells = [name, unit, f"{sparsity:.0%}", f"{facts['channels_cut']:,} of {facts['channels']:,}"]
    cells += [
        f"{cut['multiply_adds'] / dense_row['multiply_adds']:.2f}",
        f"{masked['ratio']:.2f}",
        f"{cut['ratio']:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
