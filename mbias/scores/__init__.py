"""The F-scores of audio-visual video parsing, and the rules by which probabilities become events."""
