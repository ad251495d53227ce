"""The order of a list, learnt from the questions that lists are judged by."""
