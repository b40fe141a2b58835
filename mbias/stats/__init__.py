"""How sure one can be: intervals, tests and resampling. Arrays in, numbers out; nothing here knows a record."""
