"""Networks that place users and items in one space, to find candidates among all items."""
