"""Off-policy estimators on the Open Bandit sample: relative error and coverage of the interval.

    python tests/bench/off_policy.py --data FOLDER
    python tests/bench/off_policy.py --data FOLDER --campaign men --bootstraps 100

FOLDER holds `random_all.csv.zst` and `bts_all.csv.zst` (10,000 impressions each, columns `item_id`,
`position`, `click`, `propensity_score`). Judged is Bernoulli Thompson sampling on the log of the
random policy: how often it showed each item at each position is counted in its own log, from which
nothing else is taken but the truth, its click rate. The log of the random policy is drawn again
with replacement, and each sample is estimated, with a bootstrap interval of its own. The
published run of 30 such samples (Open Bandit Pipeline, https://github.com/st-tech/zr-obp) has the
relative errors DM .157, DR .292, IPW .311. Prints a table in Markdown.

Reference: Saito et al., 2021, "Open Bandit Dataset and Pipeline", https://arxiv.org/abs/2008.07146.
"""

import argparse
import io
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import zstandard

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from simulation.off_policy.decisions import ByPlace, Decisions
from simulation.off_policy.intervals import with_intervals

POSITIONS = 3


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--data", type=Path, required=True, help="folder of the sample")
    arguments.add_argument("--campaign", choices=("all", "men", "women"), default="all")
    arguments.add_argument("--bootstraps", type=int, default=30)
    arguments.add_argument("--draws", type=int, default=60, help="of each interval")
    given = arguments.parse_args()
    logged, truth, target = _problem(given.data, given.campaign)
    print(f"click rate logged {logged.rewards.mean():.4f}, of the target {truth:.4f}\n")
    print("| estimator | relative error | mean estimate | coverage of the 95 % interval |")
    print("|---|---|---|---|")
    found = [
        with_intervals(_drawn(logged, seed), target, given.draws, seed)
        for seed in range(given.bootstraps)
    ]
    for name in found[0]:
        own = [each[name] for each in found]
        values = np.array([each.value for each in own])
        held = np.mean([each.low <= truth <= each.high for each in own])
        error = np.abs(values / truth - 1.0).mean()
        print(f"| {name} | {error:.3f} | {values.mean():.5f} | {held:.2f} |")


def _problem(data: Path, campaign: str) -> tuple[Decisions, float, ByPlace]:
    """The random policy's log, the target's click rate, and the target."""
    logged, own = (_columns(data / f"{policy}_{campaign}.csv.zst") for policy in ("random", "bts"))
    count = int(max(logged["item_id"].max(), own["item_id"].max())) + 1
    shown = np.zeros((POSITIONS, count))
    np.add.at(shown, (own["position"] - 1, own["item_id"]), 1.0)
    decisions = Decisions(
        logged["position"] - 1,
        logged["item_id"],
        logged["click"].astype(np.float64),
        logged["propensity_score"],
        np.arange(len(logged["click"])),
        count=count,
    )
    return decisions, own["click"].mean(), ByPlace(shown / shown.sum(axis=1, keepdims=True))


def _columns(path: Path) -> dict[str, np.ndarray]:
    with zstandard.open(path, "rb") as stream:
        table = pa.csv.read_csv(io.BytesIO(stream.read()))
    names = ("item_id", "position", "click", "propensity_score")
    return {name: table[name].to_numpy() for name in names}


def _drawn(of: Decisions, seed: int) -> Decisions:
    """As many decisions, with replacement; one that comes twice is one group."""
    drawn = np.random.default_rng(seed).integers(len(of), size=len(of))
    columns = (of.places, of.actions, of.rewards, of.propensities, of.groups)
    return Decisions(*(column[drawn] for column in columns), count=of.count)


if __name__ == "__main__":
    main()
