"""One permission rule a file: a function from a question to None, or to a sentence that says why not.

A sentence is a `Wording`, which stands in the file of its rule, with its facts.
"""
