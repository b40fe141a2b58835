"""The Look, Listen, and Parse (LLP) data set: its annotations and features, their audit and packed store, and its simulation."""
