# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts there: that it is all of it, that it is enough to build and run a program, and that it
brings no name with it which is not Muster's. Everything is built, linked and run by a user without rights, and against the
installed copy alone.
"""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("MUSTER_BUILD", "build")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
# Root's user id, since a clone may be readable for root alone, but nothing that root may do beyond that.
POWERLESS = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
HEADERS = sorted(path.name for path in (ROOT / "include/muster").glob("*.h") if path.name not in ("sensor.h", "tracer.h", "kept.h"))
CLEAN = {key: value for key, value in os.environ.items()
         if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR", "PREFIX", "CFLAGS", "CC", "V")}


def run(command, **options):
    result = subprocess.run([str(word) for word in command], text=True, timeout=120, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **{"env": CLEAN, "input": "", **options})
    if result.returncode != 0:
        raise AssertionError(f"{command} ended with {result.returncode}:\n{result.stdout[-2000:]}{result.stderr[-4000:]}")
    return result


def make(target, destination, *words, **options):
    """With compilers that do not work: what is installed has been built before."""
    compilers = [f"{name}=false" for name in ("CC", "CLANG", "MINGW_CC", "BPFTOOL", "LD", "OBJCOPY", "AR")]
    return run([*POWERLESS, "make", "--no-print-directory", "-C", ROOT, f"B={os.path.relpath(BUILD, ROOT)}", target,
                f"DESTDIR={destination}", *compilers, *words], **options)


def files_below(folder):
    """{path: (mode, content)}"""
    return {str(path.relative_to(folder)): (stat.S_IMODE(path.lstat().st_mode), path.read_bytes())
            for path in sorted(folder.rglob("*")) if not path.is_dir()}


class Installed(unittest.TestCase):
    """One installed copy for all, and a folder for each test that nobody may write to but nobody."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-library-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.folder.chmod(0o755)
        cls.destination = cls.folder / "destination"
        cls.output = make("install", cls.destination).stdout
        cls.tree = cls.destination / "usr/local"
        cls.environment = dict(CLEAN, PKG_CONFIG_SYSROOT_DIR=str(cls.destination),
                               PKG_CONFIG_LIBDIR=str(cls.tree / "lib/pkgconfig"), HOME="/nonexistent", LC_ALL="C.UTF-8")

    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        if NOBODY:
            os.chown(self.work, 65534, 65534)

    def nobody(self, *command):
        return run([*NOBODY, *command], cwd=self.work, env=self.environment)

    def packaged(self, *options):
        return run(["pkg-config", *options, "muster"], env=self.environment).stdout.split()

    def compile(self, compiler, name, text, *options):
        """As the README says, by pkg-config; returns the program."""
        source = self.work / name
        source.write_text(text)
        program = self.work / (source.stem + ".out")
        self.nobody(compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", *options, *self.packaged("--cflags"), source,
                    *self.packaged("--static", "--libs"), "-o", program)
        return program


class InstallTest(Installed):
    def test_what_is_there(self):
        there = files_below(self.destination)
        wanted = {"bin/muster", "lib/libmuster.a", "lib/pkgconfig/muster.pc", "lib/systemd/system/muster.service", "share/doc/muster/LICENSE",
                  "share/doc/muster/examples/Makefile", "share/doc/muster/examples/question.c"}
        wanted |= {f"include/muster/{name}" for name in HEADERS}
        wanted |= {f"share/doc/muster/LICENSES/{path.name}" for path in (ROOT / "LICENSES").iterdir()}
        pages = {path.name.removesuffix(".in") for path in (ROOT / "docs/man").iterdir()}
        self.assertLessEqual({"muster.1", "muster-watch.1", "muster-record.5", "muster-fields.7"}, pages)
        wanted |= {f"share/man/man{page[-1]}/{page}" for page in pages}
        wanted |= {"share/bash-completion/completions/muster", "share/zsh/site-functions/_muster", "share/fish/vendor_completions.d/muster.fish"}
        self.assertEqual(set(there), {f"usr/local/{name}" for name in wanted})
        for name, (mode, _) in there.items():
            self.assertEqual(mode, 0o755 if name.endswith("bin/muster") else 0o644, name)
        self.assertEqual(there["usr/local/bin/muster"][1], (BUILD / "muster").read_bytes())
        self.nobody(self.tree / "bin/muster", "version")

    def test_nothing_was_built(self):
        self.assertEqual(re.findall(r"^ +(\S+)", self.output, re.MULTILINE), ["INSTALL"])

    def test_again_elsewhere_and_with_another_umask(self):
        """The same bytes and modes, but for the prefix in muster.pc and the unit."""
        make("install", self.folder / "other", "PREFIX=/opt/m", umask=0o077)
        first, second = files_below(self.tree), files_below(self.folder / "other/opt/m")
        self.assertEqual(first.pop("lib/pkgconfig/muster.pc")[1].replace(b"=/usr/local\n", b"=/opt/m\n"),
                         second.pop("lib/pkgconfig/muster.pc")[1])
        self.assertEqual(first.pop("lib/systemd/system/muster.service")[1].replace(b"=/usr/local/bin/", b"=/opt/m/bin/"),
                         second.pop("lib/systemd/system/muster.service")[1])
        self.assertEqual(first, second)

    def test_systemd_takes_the_unit(self):
        unit = self.work / "muster.service"
        installed = (self.tree / "lib/systemd/system/muster.service").read_text()
        unit.write_text(installed.replace("=/usr/local/bin/muster ", f"={self.tree}/bin/muster "))
        self.assertNotEqual(unit.read_text(), installed)
        self.assertEqual(run(["systemd-analyze", "verify", "--man=no", "--generators=no", unit]).stderr, "")
        unit.write_text(unit.read_text().replace("RestrictRealtime=yes", "RestrictRealtime=perhaps"))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--generators=no", unit], capture_output=True, text=True, check=False)
        self.assertIn("perhaps", done.stderr)

    def test_folders_of_ones_own(self):
        multiarch = "/usr/lib/x86_64-linux-gnu"
        make("install", self.folder / "debian", "PREFIX=/usr", f"libdir={multiarch}")
        self.assertTrue((self.folder / f"debian{multiarch}/libmuster.a").exists())
        pc = (self.folder / f"debian{multiarch}/pkgconfig/muster.pc").read_text()
        self.assertIn("\nlibdir=${prefix}/lib/x86_64-linux-gnu\n", pc)

    def test_uninstall_takes_what_is_muster_s(self):
        destination = self.folder / "removed"
        make("install", destination)
        mine = destination / "usr/local/include/muster/mine.h"
        mine.write_text("")
        make("uninstall", destination)
        self.assertEqual(list(files_below(destination)), ["usr/local/include/muster/mine.h"])
        self.assertFalse((destination / "usr/local/share/doc/muster").exists())
        make("uninstall", destination)

    def test_the_library_is_the_same_bytes_each_time(self):
        again = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        first = (BUILD / "libmuster.a").read_bytes()
        compiler = "clang" if b"clang version" in first else "gcc"
        run(["make", "--no-print-directory", "-C", ROOT, "-j2", f"CC={compiler}", f"B={again}", f"{again}/libmuster.a"])
        self.assertEqual((again / "libmuster.a").read_bytes(), first)


# ---- names --------------------------------------------------------------------------------------------


def declarations(folder, names):
    """What clang finds declared at the top level of these headers: (functions that a library has to have, all names)."""
    text = "".join(f"#include <{name}>\n" for name in names)
    dump = run(["clang", "-std=c11", f"-I{folder}", "-Xclang", "-ast-dump=json", "-fsyntax-only", "-x", "c", "/dev/stdin"],
               input=text)
    tree = json.loads(dump.stdout)["inner"]
    functions = {node["name"] for node in tree if node["kind"] == "FunctionDecl" and node.get("storageClass") != "static"}
    everything = {node["name"] for node in tree if "name" in node}
    for node in tree:
        if node["kind"] == "EnumDecl":
            everything |= {inner["name"] for inner in node.get("inner", []) if "name" in inner}
    return functions, everything


def defined_by(path):
    lines = run(["nm", "-g", "--defined-only", path]).stdout.splitlines()
    return {line.split()[2] for line in lines if len(line.split()) == 3}


class NamesTest(Installed):
    def declared(self, folder):
        system = declarations(folder, ["stdbool.h", "stddef.h", "stdint.h"])
        muster = declarations(folder, [f"muster/{path.name}" for path in sorted((folder / "muster").glob("*.h"))])
        return muster[0] - system[0], muster[1] - system[1]

    def test_the_library_defines_what_the_headers_declare_and_nothing_else(self):
        functions, _ = self.declared(self.tree / "include")
        self.assertGreater(len(functions), 40)
        self.assertEqual(defined_by(self.tree / "lib/libmuster.a"), functions)

    def test_this_test_can_fail(self):
        folder = self.work / "include"
        shutil.copytree(self.tree / "include", folder)
        (folder / "muster/planted.h").write_text("void muster_planted(void);\nstatic inline void quiet(void)\n{\n}\n")
        functions, everything = self.declared(folder)
        self.assertEqual(functions - defined_by(self.tree / "lib/libmuster.a"), {"muster_planted"})
        self.assertIn("quiet", everything)
        # Before they are hidden there are others.
        self.assertIn("json_text", defined_by(BUILD / "library/muster.o.all"))

    def test_every_name_of_the_headers_is_muster_s(self):
        _, everything = self.declared(self.tree / "include")
        self.assertEqual([name for name in sorted(everything) if not re.match("muster_|MUSTER_", name)], [])

    def macros(self, names):
        text = "".join(f"#include <{name}>\n" for name in names)
        dump = run(["gcc", "-std=c11", f"-I{self.tree}/include", "-dM", "-E", "-"], input=text)
        return set(re.findall(r"^#define (\w+)", dump.stdout, re.MULTILINE))

    def test_every_macro_of_the_headers_is_muster_s(self):
        macros = self.macros([f"muster/{name}" for name in HEADERS]) - self.macros(["stdbool.h", "stddef.h", "stdint.h"])
        self.assertEqual([name for name in sorted(macros) if not name.startswith("MUSTER_")], [])

    def test_a_program_may_use_our_inner_names(self):
        """Functions that the library has inside, under the same names in the program: neither meets the other's."""
        inner = sorted(name for name in defined_by(BUILD / "library/muster.o.all") - defined_by(BUILD / "libmuster.a"))
        self.assertGreater(len(inner), 40)
        text = "".join(f"void {name}(void);\nvoid {name}(void)\n{{\n    __builtin_trap();\n}}\n" for name in inner)
        program = self.compile("gcc", "clash.c", text + SMALL_PROGRAM, "-std=gnu11", "-fno-builtin", "-Wno-unused")
        self.assertEqual(self.nobody(program).stdout, SMALL_OUTPUT)


# ---- programs -----------------------------------------------------------------------------------------

SMALL_PROGRAM = r"""
#include <muster/cache.h>
#include <muster/nt_device.h>
#include <muster/queue.h>
#include <muster/sink.h>
#include <muster/text_utf16.h>
#include <stdio.h>

static long write_out(void *, const char *bytes, size_t size_bytes);
static long write_out(void *unused, const char *bytes, size_t size_bytes)
{
    return unused == NULL ? (long)fwrite(bytes, 1, size_bytes, stdout) : -1;
}

int main(void)
{
    static union muster_queue_storage storage;
    struct muster_queue_config config;
    struct muster_stream stream;
    struct muster_sink_options options;
    struct muster_queue *queue;
    struct muster_batch batch;
    struct muster_sink *sink;
    __builtin_memset(&config, 0, sizeof config);
    __builtin_memset(&stream, 0, sizeof stream);
    __builtin_memset(&options, 0, sizeof options);
    config.budget_bytes = MUSTER_QUEUE_BUDGET_MIN;
    config.stage = MUSTER_STAGE_AGENT_QUEUE;
    options.stream = &stream;
    options.target.write = write_out;
    sink = muster_sink_driver_messages_create(&options);
    if (sink == NULL || muster_queue_init(&storage, &config, &queue) != MUSTER_OK ||
        muster_queue_push_message(queue, 1, "said", 4) != MUSTER_OK ||
        muster_queue_extract_all(queue, &batch) != MUSTER_OK)
        return 1;
    static union muster_cache_storage cache_storage;
    struct muster_cache *cache;
    struct muster_lease lease;
    if (muster_cache_init(&cache_storage, &cache) != MUSTER_OK || muster_cache_absorb(cache, &batch) != MUSTER_OK ||
        muster_cache_lease(cache, SIZE_MAX, &lease, NULL) != MUSTER_OK)
        return 2;
    struct muster_lease_cursor cursor = {NULL, 0, 0};
    if (muster_sink_write(sink, muster_lease_next(&lease, &cursor)) != MUSTER_OK || muster_sink_flush(sink) != MUSTER_OK ||
        muster_cache_ack(cache, lease.id) != MUSTER_OK)
        return 3;
    muster_sink_destroy(sink);
    muster_cache_deinit(cache);
    muster_queue_deinit(queue);
    return 0;
}
"""
SMALL_OUTPUT = '{"messages":["said"],"process_creations":[]}\n'


class ProgramTest(Installed):
    def test_headers_compile_alone(self):
        self.assertIn(f" {len(HEADERS)} headers", run([ROOT / "tools/check-headers", self.tree / "include"]).stdout)

    def test_c_and_cplusplus(self):
        for compiler, name, standard in (("gcc", "c.c", "c11"), ("clang", "c.c", "c17"), ("g++", "cpp.cpp", "c++11"),
                                         ("clang++", "cpp.cpp", "c++20")):
            with self.subTest(compiler=compiler):
                program = self.compile(compiler, name, SMALL_PROGRAM, f"-std={standard}")
                self.assertEqual(self.nobody(program).stdout, SMALL_OUTPUT)

    def test_goes_into_a_shared_library(self):
        text = "#include <muster/queue.h>\nvoid use(struct muster_queue *queue);\nvoid use(struct muster_queue *queue)\n{\n" \
               "    muster_queue_deinit(queue);\n}\n"
        self.compile("gcc", "shared.c", text, "-std=c11", "-shared", "-fPIC", "-Wl,-z,defs")

    def test_what_the_readme_says(self):
        line = re.search(r"^\S*\$ (cc .*pkg-config.* muster\).*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
        self.assertIsNotNone(line, "README.md has no line with pkg-config")
        shutil.copy(ROOT / "examples/question.c", self.work)
        self.nobody("sh", "-c", line.group(1))
        self.assertTrue((self.work / "question").exists())


class ExampleTest(Installed):
    def build(self, compiler, flags="-O2 -g -Wall -Wextra -Wpedantic -Werror", **more):
        """From the installed copy, by its own Makefile."""
        for source in (self.tree / "share/doc/muster/examples").iterdir():
            shutil.copy(source, self.work)
        words = [f"{key}={value}" for key, value in more.items()]
        self.nobody("make", "-B", f"CC={compiler}", f"CFLAGS={flags}", *words)

    def question(self, *command):
        """(batches, ledger)"""
        result = self.nobody(*command)
        ledger = re.search(r"^produced (\d+) = delivered (\d+) \+ dropped (\d+) \+ held (\d+)$", result.stderr, re.MULTILINE)
        self.assertIsNotNone(ledger, result.stderr)
        batches = [json.loads(line) for line in result.stdout.splitlines()]
        return batches, [int(number) for number in ledger.groups()]

    def check(self, batches, ledger):
        """Everything that was taken was printed, and what was not was told."""
        produced, delivered, dropped, held = ledger
        self.assertEqual(produced, delivered + dropped + held)
        self.assertEqual((produced, held), (8000, 0))
        starts = [start for batch in batches for start in batch["process_creations"]]
        messages = [text for batch in batches for text in batch["messages"]]
        gaps = [text for text in messages if text != "process started"]
        self.assertEqual(len(starts) + len(messages) - len(gaps), delivered)
        for start in starts:
            self.assertEqual(start, {"image_name": "C:\\Windows\\System32\\cmd.exe",
                                     "command_line": 'cmd /c echo "\\??\\ is evidence"', "parent_pid": "0x1a2c"})
        lost = [int(re.match(r"(\d+) ", text).group(1)) for text in gaps]
        self.assertEqual(sum(lost), dropped, gaps)
        return dropped

    def test_question(self):
        for compiler in ("gcc", "clang"):
            with self.subTest(compiler=compiler):
                self.build(compiler)
                self.assertEqual(self.check(*self.question("./question")), 0)

    def test_question_without_room(self):
        self.build("gcc")
        self.assertGreater(self.check(*self.question("./question", "65536")), 0)

    def test_question_with_sanitizers(self):
        """The example's own code; the library's is what tests/unit has under them."""
        for sanitizer in ("address,undefined", "thread"):
            with self.subTest(sanitizer=sanitizer):
                self.build("clang", f"-O1 -g -fsanitize={sanitizer} -fno-sanitize-recover=all")
                self.check(*self.question("./question"))

    def test_question_under_valgrind(self):
        self.build("gcc")
        self.check(*self.question("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=all",
                                  "./question"))

    def test_question_is_short(self):
        self.assertLess(len((ROOT / "examples/question.c").read_text().splitlines()), 100)




if __name__ == "__main__":
    unittest.main()
