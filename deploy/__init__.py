"""Running Millstream: containers, compose, dashboards, and the local development services."""
