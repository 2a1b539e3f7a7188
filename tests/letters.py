"""Any letters that UTF-8 can write: those of `st.text()`, which tries a million of them first, for two seconds."""

from hypothesis import strategies as st

letters = st.characters(exclude_categories=["Cs"])
