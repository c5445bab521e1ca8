"""How a program's steps grow with its input: inputs of any size, steps counted of real traces, the class that fits."""
