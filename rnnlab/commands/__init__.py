"""The commands of the command line, one module each: `add` describes its options, `run` does it and prints."""
