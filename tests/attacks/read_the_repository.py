"""This project's own files, and the launcher."""


def attack(told, tries):
    root = told["repository"]
    for name in ("README.md", "tracegen/sandbox/session.py", "tests/battery.py", ".git/config"):
        tries.to(name, read, os.path.join(root, name))
    for name in ("", "tracegen", ".git"):
        tries.to("list " + name, lambda path: "README.md" in os.listdir(path) or None, os.path.join(root, name))
