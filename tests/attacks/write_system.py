"""Files where programs of the host, the interpreter or the next task read them."""

import site
import sysconfig


def attack(told, tries):
    folders = ["/usr", "/usr/lib", "/usr/bin", "/etc", "/opt", "/var/tmp", "/run", "/", "/dev", "/proc/self"]
    folders += sorted({os.path.dirname(os.__file__), os.path.dirname(sys.executable), sys.prefix, sys.base_prefix})
    folders += [sysconfig.get_paths()["purelib"], told["home"], told["repository"], told["payload"]]
    folders += ["/foretrace", "/foretrace/payload"]
    for folder in folders:
        tries.to(folder, write_and_remove, os.path.join(folder, ".attack.pth"))
    tries.to("a library's byte code", write_and_remove, os.path.join(os.path.dirname(os.__file__), "__pycache__", ".attack"))
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/proc/1/oom_score_adj"):
        tries.to(path, lambda path: os.close(os.open(path, os.O_WRONLY)) is None, path)
