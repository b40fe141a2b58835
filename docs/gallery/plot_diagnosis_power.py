"""
How many seeds does a verdict need?
===================================

How often a verdict is given, by the true balance, the number of seeds, and the spread between seeds.
"""

from mbias.analysis.power import power
from mbias.plots.power import figure as draw_power

figure = draw_power(power())
