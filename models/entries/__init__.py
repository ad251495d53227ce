"""Lines of the catalogue, by what a model is built on; `models.catalogue` joins them."""
