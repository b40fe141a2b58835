"""How the runs of a plan are trained: tasks, the workers that run them, and what becomes of them."""
