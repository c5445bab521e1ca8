"""Leaves links to the host's folder for a cleaner to follow, hard links, fifos and sockets."""


def attack(told, tries):
    os.symlink(told["home"], "link")
    os.symlink("/", "root")
    os.symlink("link", "loop")
    os.mkdir("folder")
    os.symlink(told["home"], "folder/link")
    os.mkfifo("fifo")
    os.chmod("folder", 0)
    tries.to("a hard link to the host's file", lambda: os.link(told["canary"], "hard") is None and os.path.exists("hard"))
    tries.did("links are left")
