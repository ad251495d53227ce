"""Models of a matrix of users and items: who met what, and nothing else. NumPy and SciPy alone."""
