"""Hand in a backward, be told what is wrong: exercises, known mistakes, the check, and the process it runs in."""
