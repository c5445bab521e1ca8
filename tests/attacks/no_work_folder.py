"""Goes elsewhere and removes the work folder, and puts a link in its place."""


def attack(told, tries):
    work = os.environ["TMPDIR"]
    os.chdir("/")
    os.rmdir(work)
    os.symlink(told["home"], work)
    tries.did("the work folder is a link")
