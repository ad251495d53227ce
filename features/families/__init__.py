"""Feature families: one class a family, which knows its columns, its state and its update rule."""

from features.families.affinity import Affinity
from features.families.attribute import Attribute
from features.families.count import Count
from features.families.derived_input import DerivedInput, Rate, Trend
from features.families.family import Family
from features.families.last_time import LastTime
from features.families.own import OwnNumbers, is_of
from features.families.recent import Recent
from features.families.updated_at import UpdatedAt
from features.families.value_sum import ValueSum

__all__ = [
    "Affinity",
    "Attribute",
    "Count",
    "DerivedInput",
    "Family",
    "LastTime",
    "OwnNumbers",
    "Rate",
    "Recent",
    "Trend",
    "UpdatedAt",
    "ValueSum",
    "is_of",
]
