"""What prediction (predict.py) is made of: prompts, requests, answers read, and the command's part."""
