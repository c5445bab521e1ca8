def work():
    raise KeyboardInterrupt


try:
    work()
except Exception:
    caught = "no"
