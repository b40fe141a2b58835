"""How tables are laid out, named and rendered for people and programs."""
