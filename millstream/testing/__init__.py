"""Contract suites for the Python of a project: to be called from its own tests.

from millstream.testing import rule_contract
from my_rules import margin_first

def test_margin_first():
    rule_contract(margin_first, ["item_margin"])
"""

from millstream.testing.rules import rule_contract

__all__ = ["rule_contract"]
