"""The Look, Listen, and Parse (LLP) data set: annotations, features, audit, packed store and simulation."""
