"""Unpacks the native files of an OpenVINO wheel: headers, CMake package and libraries.

usage: unpack_openvino.py WHEEL FOLDER

FOLDER must not exist; it gets cmake/, include/ and libs/. File times come from the wheel, so unpacking the same wheel
again rebuilds nothing.
"""

from __future__ import annotations

import os
import sys
import time
import zipfile
from pathlib import Path, PurePosixPath

KEPT_FOLDERS = {"cmake", "include", "libs"}
# The linker looks for the plain name; the wheel carries only the versioned one.
LINKED_LIBRARIES = ("libopenvino.so", "libtbb.so")


def unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            parts = PurePosixPath(member.filename).parts
            if member.is_dir() or len(parts) < 3 or parts[0] != "openvino" or parts[1] not in KEPT_FOLDERS:
                continue
            if ".." in parts:
                raise ValueError(f"{wheel}: member {member.filename!r} leaves its folder")
            target = folder.joinpath(*parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(member))
            target.chmod(0o644)
            seconds = time.mktime((*member.date_time, 0, 0, -1))
            os.utime(target, (seconds, seconds))


def link_libraries(libs: Path) -> None:
    for name in LINKED_LIBRARIES:
        versioned = sorted(path.name for path in libs.glob(name + ".*"))
        if len(versioned) != 1:
            raise ValueError(f"{libs}: expected one {name}.<version>, found {versioned}")
        (libs / name).symlink_to(versioned[0])


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    wheel, folder = Path(arguments[0]), Path(arguments[1])
    folder.mkdir(parents=True)
    unpack(wheel, folder)
    if not (folder / "cmake" / "OpenVINOConfig.cmake").is_file():
        print(f"{wheel}: expected openvino/cmake/OpenVINOConfig.cmake inside, found none", file=sys.stderr)
        return 1
    link_libraries(folder / "libs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
