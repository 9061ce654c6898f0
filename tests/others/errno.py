"""Tries every system call that would change a read-only file system, and checks the error of each."""

import errno
import os
import pathlib
import sys

mount = pathlib.Path(sys.argv[1])
page = next(path for path in sorted(mount.rglob("*.md")) if path.is_file())
folder, new, missing = page.parent, page.parent / "new", page.parent / "missing.md"


def opens(path, flags):
    return lambda: os.close(os.open(path, flags, 0o600))


def on_open_file(call):
    def run():
        fd = os.open(page, os.O_RDONLY)
        try:
            call(fd)
        finally:
            os.close(fd)

    return run


EROFS, EEXIST, EISDIR, EACCES, ENOENT = errno.EROFS, errno.EEXIST, errno.EISDIR, errno.EACCES, errno.ENOENT
CALLS = [
    ("open O_WRONLY", opens(page, os.O_WRONLY), EROFS),
    ("open O_RDWR", opens(page, os.O_RDWR), EROFS),
    ("open O_TRUNC", opens(page, os.O_WRONLY | os.O_TRUNC), EROFS),
    ("open O_APPEND", opens(page, os.O_WRONLY | os.O_APPEND), EROFS),
    ("open O_CREAT", opens(new, os.O_WRONLY | os.O_CREAT), EROFS),
    ("open O_CREAT of a page for reading", opens(page, os.O_RDONLY | os.O_CREAT), None),
    ("open O_CREAT|O_EXCL of a page", opens(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL), EEXIST),
    ("open O_TMPFILE", opens(folder, os.O_WRONLY | os.O_TMPFILE), EROFS),
    ("open a directory O_RDWR", opens(folder, os.O_RDWR), EISDIR),
    ("open a missing file", opens(missing, os.O_RDONLY), ENOENT),
    ("mkdir", lambda: os.mkdir(new), EROFS),
    ("mkdir of a directory", lambda: os.mkdir(folder), EEXIST),
    ("rmdir", lambda: os.rmdir(folder), EROFS),
    ("unlink", lambda: os.unlink(page), EROFS),
    ("rename", lambda: os.rename(page, new), EROFS),
    ("link", lambda: os.link(page, new), EROFS),
    ("symlink", lambda: os.symlink("target", new), EROFS),
    ("mkfifo", lambda: os.mkfifo(new), EROFS),
    ("chmod", lambda: os.chmod(page, 0o600), EROFS),
    ("fchmod", on_open_file(lambda fd: os.fchmod(fd, 0o600)), EROFS),
    ("chown", lambda: os.chown(page, os.getuid(), os.getgid()), EROFS),
    ("fchown", on_open_file(lambda fd: os.fchown(fd, os.getuid(), os.getgid())), EROFS),
    ("utime", lambda: os.utime(page, (0, 0)), EROFS),
    ("futimens", on_open_file(lambda fd: os.utime(fd, (0, 0))), EROFS),
    ("truncate", lambda: os.truncate(page, 0), EROFS),
    ("setxattr", lambda: os.setxattr(page, "user.x", b"y"), EROFS),
    ("removexattr", lambda: os.removexattr(page, "user.x"), EROFS),
    ("execve", lambda: os.execv(page, [str(page)]), EACCES),
    ("access W_OK", lambda: None if not os.access(page, os.W_OK) else os.access("", 0) or exit("writable"), None),
]

failed = 0
for name, call, expected in CALLS:
    try:
        call()
        got = None
    except OSError as error:
        got = error.errno
    if got != expected:
        failed += 1
        print(f"{name}: {errno.errorcode.get(got, got)} instead of {errno.errorcode.get(expected, expected)}")
print(f"{len(CALLS) - failed} of {len(CALLS)} calls give the documented error")
sys.exit(failed > 0)
