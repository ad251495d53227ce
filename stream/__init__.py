"""The stream worker: events in, features and labelled examples out. Thin agents over pure cores."""
