"""Read what a process exports on `/metrics`: values, sums, and quantiles of histograms."""

import math
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

Labels = Mapping[str, str]


class Scrape:
    """The samples of one reading.

    Args:
        samples: of the Prometheus text format.
    """

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self._by_name: dict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            self._by_name[sample.name].append(sample)

    @classmethod
    def of(cls, url: str, timeout_s: float = 2.0) -> "Scrape":
        """Metrics of `url` now; none where nobody answers."""
        try:
            with urllib.request.urlopen(url, timeout=timeout_s) as answer:
                return cls.parse(answer.read().decode())
        except (urllib.error.URLError, OSError, ValueError):
            return cls()

    @classmethod
    def parse(cls, text: str) -> "Scrape":
        """From the text of `/metrics`."""
        families = text_string_to_metric_families(text)
        return cls(sample for family in families for sample in family.samples)

    def since(self, earlier: "Scrape") -> "Scrape":
        """The same series with what each has grown by; for counters and histograms."""
        before = {_series(sample): sample.value for sample in earlier._samples()}
        return Scrape(
            sample._replace(value=sample.value - before.get(_series(sample), 0.0))
            for sample in self._samples()
        )

    def total(self, name: str, **labels: str) -> float:
        """The sum over all series of `name` that carry `labels`; 0 where there is none."""
        return sum(sample.value for sample in self._matching(name, labels))

    def value(self, name: str, **labels: str) -> float | None:
        """The first series of `name` that carries `labels`, if it is there and is a number."""
        values = (s.value for s in self._matching(name, labels) if not math.isnan(s.value))
        return next(values, None)

    def quantile(self, name: str, q: float, **labels: str) -> float | None:
        """The `q` quantile of a histogram as Prometheus computes it: linear within a bucket.

        None where nothing has been observed; the highest finite bound where it lies above that.
        """
        bounds: dict[float, float] = defaultdict(float)
        for sample in self._matching(f"{name}_bucket", labels):
            bounds[float(sample.labels["le"])] += sample.value
        return histogram_quantile(sorted(bounds.items()), q)

    def _samples(self) -> Iterable[Sample]:
        return chain.from_iterable(self._by_name.values())

    def _matching(self, name: str, labels: Labels) -> Iterable[Sample]:
        wanted = labels.items()
        return (sample for sample in self._by_name[name] if wanted <= sample.labels.items())


def _series(sample: Sample) -> tuple[str, frozenset[tuple[str, str]]]:
    return sample.name, frozenset(sample.labels.items())


def histogram_quantile(buckets: list[tuple[float, float]], q: float) -> float | None:
    """The `q` quantile of cumulative (upper bound, count) pairs, rising.

    >>> histogram_quantile([(1.0, 5), (2.0, 10), (math.inf, 10)], 0.75)
    1.5
    """
    if not buckets or buckets[-1][1] == 0:
        return None
    rank = q * buckets[-1][1]
    below_bound, below_count = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            if math.isinf(bound) or count == below_count:
                return below_bound
            return below_bound + (bound - below_bound) * (rank - below_count) / (
                count - below_count
            )
        below_bound, below_count = bound, count
    return below_bound
