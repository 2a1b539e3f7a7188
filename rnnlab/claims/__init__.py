"""The ledger: each of the survey's claims, what was measured for it, and the verdict that follows by a rule in code."""
