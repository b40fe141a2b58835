"""
One video, second by second
===========================

The video that shows the bias best: its events, the predictions, the attention W_av (solid) and W_tp (dotted).
"""

import mbias

study = mbias.load_example().select(variant="across_vcross", smoothing="ls_v", seed=0)
figure = mbias.plot_video(study.runs[0], epoch="last")
