"""Progressive evaluation of what is learnt."""
