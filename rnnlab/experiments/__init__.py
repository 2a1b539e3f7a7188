"""Experiments: recipes of runs, the runner that carries them out, and the tables of the recorded ones."""
