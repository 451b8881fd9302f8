"""One eligibility rule a file: a function from a candidate to None, or to a sentence that says why not.

A sentence is a `Wording`, which stands in the file of its rule, with its facts.
"""
