"""Reality against prediction: what a model says that a program does, judged.  Knows no command."""
