"""The rows of tables of what outputs depend on, and the sentences that say them."""
