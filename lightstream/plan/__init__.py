"""The vocabulary: data types, expressions and relations, as frozen values. Knows nothing of the rest."""
