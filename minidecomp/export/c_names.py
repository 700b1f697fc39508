"""The names of exported C sources, and of the functions in them."""

from __future__ import annotations

import re

# The headers of C99 to C23, of POSIX, and those that they include in common C libraries.
HEADERS = """
assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic stdbit
stdbool stdckdint stddef stdint stdio stdlib stdmchar stdnoreturn string tgmath threads time uchar wchar wctype
aio cpio dirent dlfcn fcntl fmtmsg fnmatch ftw glob grp iconv langinfo libgen libintl monetary mqueue ndbm netdb
nl_types poll pthread pwd regex sched search semaphore spawn strings stropts syslog tar termios trace ulimit unistd
utime utmpx wordexp
alloca byteswap corecrt crtdefs elf endian features features-time64 gnu-versions libio link malloc mathcalls memory
newlib paths reent sal stab stdc-predef syslimits values varargs vcruntime windows xlocale
"""


def why_not(name: str) -> str | None:
    """Why NAME.h and NAME.c could not be compiled on every system; None if they can be."""
    if not name.isascii():
        return "C's names have letters from a to z; such a name is"
    # Some file systems do not distinguish upper and lower case.
    return (
        f"{name}.h would hide the C library's <{name.lower()}.h>; choose another name"
        if name.lower() in HEADERS.split()
        else None
    )


def prefix_of(name: str) -> str:
    """The prefix of C functions in files of this name."""
    prefix = re.sub(r"\W", "_", name)
    return prefix if prefix[:1].isalpha() else f"m_{prefix}"
