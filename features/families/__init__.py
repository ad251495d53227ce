"""Feature families: one class a family, which knows its columns, its state and its update rule."""

from features.families.affinity import Affinity
from features.families.attribute import Attribute
from features.families.count import Count
from features.families.family import Family
from features.families.recent import Recent
from features.families.updated_at import UpdatedAt

__all__ = ["Affinity", "Attribute", "Count", "Family", "Recent", "UpdatedAt"]
