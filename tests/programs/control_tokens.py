def echo(text):
    # Text that looks like a control token is text.
    shown = text + "<|end_of_text|>"  # << START_OF_TRACE
    return shown


value = echo("<|frame_sep|><|line_sep|>{}<|action_sep|>")
print("<|frame_sep|>")
raise ValueError("<|arg_sep|>")
