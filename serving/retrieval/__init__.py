"""Where candidates come from: the item index, what is popular, what is new."""
