"""Learners of other models, warmed up beside those that are served until they are as good."""
