# SPDX-License-Identifier: Apache-2.0
"""Debian's kernels for check_vm.py, each unpacked from its package.

apt gets the packages, from wherever this machine's apt is told to, and checks them against the
signed index; one that is kept from an earlier run is used only while that index still has its hash.
"""

import hashlib
import lzma
import pathlib
import re
import shutil
import subprocess

ARCHITECTURE = "amd64"
# No module is needed to boot. These are for tests, where the kernel does not have them built in.
MODULES = ("fuse",)
DOWNLOAD_S = 600


class NoKernel(Exception):
    """Says in words why there is no such kernel."""


class Kernel:
    def __init__(self, line, release, image, modules):
        self.line = line        # "6.1"
        self.release = release  # "6.1.0-56-cloud-amd64"
        self.image = image
        self.modules = modules  # {name: bytes}


def apt_output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, text=True, timeout=120)
    return done.stdout if done.returncode == 0 else ""


def version_key(name):
    return [int(number) for number in re.findall(r"\d+", name)]


def package_names(line):
    """Of this line, newest first."""
    wanted = re.compile(rf"^linux-image-{re.escape(line)}\.\S*-cloud-{ARCHITECTURE}$")
    names = apt_output("apt-cache", "pkgnames", f"linux-image-{line}.").split()
    return sorted(filter(wanted.match, names), key=version_key, reverse=True)


def find_package(line):
    """(name, version, SHA-256) of the newest package that apt can get."""
    for name in package_names(line):
        record = apt_output("apt-cache", "show", "--no-all-versions", name)
        fields = dict(re.findall(r"^(Version|SHA256): (\S+)$", record, re.MULTILINE))
        if len(fields) == 2:
            return name, fields["Version"], fields["SHA256"]
    raise NoKernel(f"apt knows no package linux-image-{line}.*-cloud-{ARCHITECTURE}: run apt-get update, and see that "
                   "apt's sources have Debian bookworm with its security updates, or bookworm-backports")


def hash_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(line, cache):
    """The path of the package."""
    name, version, wanted_hash = find_package(line)
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"{name}_{version.replace(':', '%3a')}_{ARCHITECTURE}.deb"
    if not path.exists():
        print(f"  getting {name} {version}", flush=True)
        done = subprocess.run(["apt-get", "download", f"{name}={version}"], cwd=cache, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, text=True, timeout=DOWNLOAD_S)
        if done.returncode != 0 or not path.exists():
            raise NoKernel(f"apt-get download {name}={version} failed:\n{done.stdout}")
    if hash_of(path) != wanted_hash:
        raise NoKernel(f"{path} is not what apt's index has: remove it")
    return path


def unpack(package, folder):
    """Once for each package; the folder is moved into its place when it is whole."""
    if folder.is_dir():
        return
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    subprocess.run(["dpkg-deb", "-x", package, unfinished], check=True, timeout=300)
    unfinished.rename(folder)


def module_bytes(folder, name):
    for path in folder.glob(f"lib/modules/*/kernel/**/{name}.ko*"):
        return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    return None


def get_kernel(line, work):
    """The newest kernel of this line, under the folder `work`."""
    package = fetch(line, work / "cache")
    folder = work / package.stem
    unpack(package, folder)
    image, = folder.glob("boot/vmlinuz-*")
    modules = {name: module_bytes(folder, name) for name in MODULES}
    return Kernel(line, image.name.removeprefix("vmlinuz-"), pathlib.Path(image),
                  {name: data for name, data in modules.items() if data})
