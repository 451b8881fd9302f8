"""One permission rule a file: a function from a question to None, or to a sentence that says why not."""
