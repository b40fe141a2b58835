"""What the figures share: the style, lines and labels, and the input of a plot."""
