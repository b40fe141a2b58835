"""What the measures of reliance are made of: values of coalitions, parts by sample, and the list of measures."""
