"""The model zoo: Keras 3 networks, layers, losses, metrics and their catalogue.

Importing this package, `models.fields`, `models.rows` or `models.metrics` loads no framework.
"""
