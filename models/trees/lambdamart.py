"""LambdaMART: boosted trees that learn the order of rows within groups.

For a pair of a positive i and a negative j of a group, the gradient of log(1 + exp(s_j - s_i)) is
weighed by |dNDCG|, what NDCG would change by if both changed places; the sums of these over the
pairs of a row are what the next tree is fitted to.

Reference: Burges, 2010, "From RankNet to LambdaRank to LambdaMART: An Overview",
https://www.microsoft.com/en-us/research/publication/from-ranknet-to-lambdarank-to-lambdamart-an-overview/,
sections 4 and 7.
"""

from collections.abc import Iterable

from models.fields import Field
from models.trees.boosted import BoostedTrees, tree_parameters


def lambdamart(
    fields: Iterable[Field],
    *,
    trees: int = 500,
    depth: int = 6,
    learning_rate: float = 0.1,
    leaf_penalty: float = 1.0,
    row_share: float = 0.8,
    column_share: float = 0.8,
    patience: int = 30,
    seed: int = 0,
) -> BoostedTrees:
    """Boosted trees for the order within groups; `fit` with `groups`, `predict`, `save`, `load`.

    Args:
        fields: ids, lists and floats; ids must say their `rows`.
        trees: at most.
        depth: of a tree, at most.
        learning_rate: eta.
        leaf_penalty: lambda.
        row_share, column_share: drawn for each tree.
        patience: trees without a higher NDCG on the validation rows before boosting stops.
        seed: of what is drawn.

    Raises:
        ConfigurationError: XGBoost is not installed, or the fields do not fit together.
    """
    parameters = {
        "objective": "rank:ndcg",
        "eval_metric": "ndcg",
        "lambdarank_pair_method": "mean",
        "lambdarank_num_pair_per_sample": 4,
        **tree_parameters(depth, learning_rate, leaf_penalty, row_share, column_share, seed),
    }
    return BoostedTrees(fields, parameters, trees, patience)
