"""The figures: a module each, `compute() -> table`, `draw(table) -> Figure`, `caption(table) -> text`."""
