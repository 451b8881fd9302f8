"""People who act, from programs that Debian packages with their speech and its text.

A source is one module with `PACKAGE`, the Debian package, `FILES`, the paths that tell whether it is installed, and
`lines`, which reads what is said. `SOURCES` lists them; `adaptation` aligns the lines with our own network.
"""
