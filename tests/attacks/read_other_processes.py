"""Memory, maps, open files and folders of a process of the host with the same user, and of the warm parent."""


def attack(told, tries):
    def opened(path):
        os.close(os.open(path, os.O_RDONLY))
        return True

    others = {"the victim's": told["victim"], "the warm parent's": os.getppid()}
    for name, pid in others.items():
        folder = "/proc/{}/".format(pid)
        for each in ("mem", "maps", "environ", "auxv", "syscall"):
            tries.to(name + " " + each, opened, folder + each)
        for each in ("cwd", "root", "exe", "fd/0", "fd/3"):
            tries.to(name + " " + each, os.readlink, folder + each)
        tries.to(name + " fd", lambda path: os.listdir(path) is not None, folder + "fd")
    tries.to("the victim's command", lambda: len(read("/proc/{}/cmdline".format(told["victim"]))) > 0)
