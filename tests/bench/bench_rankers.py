"""Examples per CPU second of rankers, beside DeepCTR: `fit`, and steps as they come online.

    python tests/bench/bench_rankers.py deepfm dcn_v2 din
    python tests/bench/bench_rankers.py all --rounds 3 --rival RIVAL/bin/python

20 id fields of 5,000 ids each, 16 wide; rankers of behaviour sequences have a list of 20 ids beside
(see `ranker_rows.py`). Adam, and every option at its default, but for those that `ranker_runs.py`
names. `fit` is in batches of 2048. A step is on 256 examples, as many as the trainer takes by
default: ours is all of the online trainer's, DeepCTR's is `train_on_batch`, whose tables are dense
and cost what their size asks for. CPU seconds are those of all threads: they tell on a machine that
has other work to do. DeepCTR needs an older TensorFlow and so an environment of its own:

    python -m venv RIVAL && RIVAL/bin/pip install 'tensorflow-cpu==2.15.*' deepctr 'numpy<2'

Each contender runs in a process of its own, for all rounds. What makes DeepCTR's networks the same
as ours, and where they are not, stands in `rivals/deepctr_fit.py`. Prints a table in Markdown: the
median of the rounds, the least and the most; what is missing, DeepCTR does not have.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # `tests` is not installed

from models.catalogue import CATALOGUE

HERE = Path(__file__).parent
OURS, RIVAL = HERE / "ranker_runs.py", HERE / "rivals" / "deepctr_fit.py"
NAMES = [entry.name for entry in CATALOGUE if entry.task == "ranking" and entry.learns_online]
KINDS = ("fit", "step")
NONE = "–"


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("models", nargs="+", choices=[*NAMES, "all"], metavar="MODEL")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--rival", help="Python of the environment that has DeepCTR")
    chosen = arguments.parse_args()
    print("| model | fit | DeepCTR | times | online step | DeepCTR | times |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in NAMES if "all" in chosen.models else chosen.models:
        print(_line(name, chosen.rounds, chosen.rival), flush=True)


def _line(name: str, rounds: int, rival: str | None) -> str:
    ours = _rates([sys.executable, str(OURS), name, str(rounds)])
    theirs = _rates([rival, str(RIVAL), name, str(rounds)]) if rival else {}
    cells = [cell for kind in KINDS for cell in _cells(ours[kind], theirs.get(kind))]
    return f"| `{name}` | {' | '.join(cells)} |"


def _rates(command: list[str]) -> dict[str, list[float]]:
    """Examples per CPU second of each round, by kind; none where the rival lacks the model."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _cells(ours: list[float], theirs: list[float] | None) -> list[str]:
    if not theirs:
        return [_text(ours), NONE, NONE]
    over = statistics.median(ours) / statistics.median(theirs)
    return [_text(ours), _text(theirs), f"{over:.2f}"]


def _text(rates: list[float]) -> str:
    """In thousands.

    >>> _text([9_000.0, 10_400.0, 11_000.0])
    '10.4 k (9.0–11.0)'
    """
    median, least, most = (f(rates) / 1e3 for f in (statistics.median, min, max))
    return f"{median:.1f} k ({least:.1f}–{most:.1f})"


if __name__ == "__main__":
    main()
