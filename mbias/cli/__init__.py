"""The two programs: parse, call one function, print."""
