"""Networks with a head for each task, and for several domains; how their losses are balanced."""
