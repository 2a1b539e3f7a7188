"""Recorded results: the tables and how their runs ended, the papers' numbers, and the models' names and looks."""
