"""Off-policy evaluation: what another policy would have earned, judged on logged decisions.

`decisions.py` holds what was logged and what the other policy would have done, `reward_model.py`
what an action earns where it was not tried, `estimators.py` the estimates, `intervals.py` how
sure they are.
"""
