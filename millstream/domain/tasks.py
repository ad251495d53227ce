"""The name of the one task of a domain that declares none."""

# It is how likely a positive is, by the labels of the kinds.
ONLY_TASK = "positive"
