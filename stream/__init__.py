"""The stream worker: events in; features, joins and labelled examples out. Thin agents, pure cores."""
