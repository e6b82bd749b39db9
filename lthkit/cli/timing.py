"""The subcommand that times tickets."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lthkit.cli.handler import Handler

if TYPE_CHECKING:
    import pandas as pd


def time(command: argparse.ArgumentParser) -> Handler:
    """Time tickets here: dense, masked and cut, and by sparse kernels; with parameters, bytes and multiply-adds."""
    command.add_argument(
        "stores", type=Path, nargs="+", metavar="STORE", help="a folder NAME.zarr; several beside each other"
    )
    command.add_argument(
        "--rounds", type=int, nargs="+", metavar="R", help="a third, two thirds and the end by default"
    )
    command.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 32], metavar="N", help="default: 1 32")
    command.add_argument(
        "--variants",
        nargs="+",
        metavar="NAME",
        help="of dense, masked, cut, 'sparse rows', 2:4, 'masked, onnxruntime', …",
    )
    command.add_argument("--repetitions", type=int, default=30, metavar="N", help="default: %(default)s")
    command.add_argument(
        "--threads", type=int, metavar="N", help="of torch and onnxruntime; torch's own number by default"
    )
    command.add_argument("--device", default="cpu", help="where torch works; default: %(default)s")
    command.add_argument(
        "--weights",
        choices=("start", "rewind", "best", "last"),
        help="those trained in the round by default, where they are kept, else those it started from",
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="gets the table and the figure: latency.csv, latency.html …"
    )
    command.add_argument("--json", action="store_true", help="as JSON; what is unknown is null")

    def handler(chosen: argparse.Namespace) -> None:
        from lthkit.report import timing_report
        from lthkit.strict_json import strict_json
        from lthkit.terminal import width
        from lthkit.timing import VARIANTS, named, threads, time_tickets

        with threads(chosen.threads):
            found = time_tickets(
                named(chosen.stores),
                chosen.rounds,
                chosen.batch_sizes,
                weights=chosen.weights,
                names=chosen.variants or VARIANTS,
                repetitions=chosen.repetitions,
                device=chosen.device,
            )
        if chosen.out:
            _write(found, chosen.out)
        print(strict_json(found.to_dict("records")) if chosen.json else timing_report(found, width()))

    return handler


def _write(found: "pd.DataFrame", folder: Path) -> None:
    from lthkit import plots
    from lthkit.exchange import write_table

    write_table(found, folder / "latency.csv", force=True)
    if found["score"].notna().any():
        plots.save(plots.score_against_latency(found), folder / "latency")
