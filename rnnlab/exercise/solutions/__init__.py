"""The exercises, each solved as a learner would solve it: one step and one line at a time, no rnnlab inside.

From these pages come the templates (without what stands between `# your part` and `# to here`) and the known mistakes
(with a line replaced). They are read as text.
"""
