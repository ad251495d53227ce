"""The demo: the whole loop on real data, every part real, watched live and reported at the end."""
