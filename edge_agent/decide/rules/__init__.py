"""One eligibility rule a file: a function from a candidate to None, or to a sentence that says why not."""
