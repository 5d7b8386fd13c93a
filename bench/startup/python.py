# An empty script.
