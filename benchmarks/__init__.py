"""How fast mbias is beside today's practice, and beside what the machine allows."""
