"""The window of `rnnlab explore`: its settings, the pure function from settings to values, and how they are drawn."""
