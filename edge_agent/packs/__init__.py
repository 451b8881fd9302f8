"""Pack format, trust, blob store and catalog: what is on the shelf, and is it genuine?"""
