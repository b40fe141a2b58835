"""Reports: notebooks in, one HTML page out."""
