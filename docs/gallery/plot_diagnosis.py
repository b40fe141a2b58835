"""
The verdict
===========

Is a model biased, toward what, and how sure are we? The dot is the balance of use, the bar the interval that the
verdict rests on, the cross the attention, which is something else.
"""

import mbias

figure = mbias.plot_diagnosis(mbias.load_example())
