"""Contract suites for the Python of a project: to be called from its own tests.

from millstream.testing import rule_contract
from my_rules import margin_first

def test_margin_first():
    rule_contract(margin_first, ["item_margin"])

Those of features and networks go by the domain of the process: run the tests with
MILLSTREAM_PROJECT, or from the project's folder.
"""

from millstream.testing.features import feature_contract
from millstream.testing.networks import ranker_contract, retriever_contract
from millstream.testing.rules import rule_contract

__all__ = ["feature_contract", "ranker_contract", "retriever_contract", "rule_contract"]
