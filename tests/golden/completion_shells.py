# SPDX-License-Identifier: Apache-2.0
"""The three shells, asked what they propose behind a line.

    Bash(folder), Fish(folder), Zsh(folder)     each: proposals(line) -> {word}, as the whole word would stand there; close()
    Terminal(command, folder)                   a shell at a terminal: send(text), wait_for(pattern) -> match, close()

A command `probe` is there in each, with words and options of its own.
"""

import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPLETION = ROOT / "packaging/completion"
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"
ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "dumb", "HOME": "/nonexistent"}
END = "end-of-proposals"
TIMEOUT_S = 30


class Conversation:
    """With a program, by one file descriptor for each direction."""

    def __init__(self, process, to, back):
        self.process, self.to, self.back, self.seen = process, to, back, ""

    def send(self, text):
        os.write(self.to, text.encode())

    def wait_for(self, pattern):
        """The match, in what came since the last one."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            found = re.search(pattern, self.seen, re.DOTALL)
            if found:
                self.seen = self.seen[found.end():]
                return found
            ready = select.select([self.back], [], [], max(0.0, deadline - time.monotonic()))[0]
            more = os.read(self.back, 65536).decode("utf-8", "replace") if ready else ""
            if not more:
                raise AssertionError(f"{pattern!r} did not come; what came: {self.seen[-2000:]!r}")
            self.seen += more

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        for descriptor in {self.to, self.back}:
            os.close(descriptor)


class Terminal(Conversation):
    def __init__(self, command, folder):
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, ENVIRONMENT)
        super().__init__(process, terminal, terminal)


class Pipe(Conversation):
    def __init__(self, command, folder):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT, cwd=folder)
        super().__init__(process.pid, os.dup(process.stdin.fileno()), os.dup(process.stdout.fileno()))
        process.stdin.close()
        process.stdout.close()
        process.returncode = 0  # close() waits for it

    def ask(self, text):
        """The lines of the answer. An error is a line as well, and no proposal of anybody's."""
        self.send(text)
        return self.wait_for(rf"\A(.*?){END}\n").group(1).splitlines()


# ---- bash: the function is called as readline calls it ------------------------------------------------------------


def readline_words(line):
    """As COMP_WORDBREAKS has them cut: also at = and :, which are words."""
    return [part for word in re.split(r"\s+", line) for part in (re.findall(r"[=:]+|[^=:]+", word) or [""])]


class Bash(Pipe):
    PROBE = "complete -W 'alpha beta --gamma' probe\nprobe() { :; }\n"

    @classmethod
    def script(cls, package=True):
        return (f"source {BASH_COMPLETION}\n" if package else "") + f"source {COMPLETION}/muster.bash\n{cls.PROBE}"

    def __init__(self, folder, package=True):
        super().__init__(["bash", "--norc", "--noprofile", "-s"], folder)
        # Only readline's own call may have it.
        self.send(f"{self.script(package)}compopt() {{ :; }}\n")

    def proposals(self, line):
        words = readline_words(line)
        piece = "" if words[-1][:1] in ("=", ":") else words[-1]
        quoted = " ".join(f"'{word}'" for word in words)
        told = self.ask(f"COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1} COMP_LINE='{line}' COMP_POINT={len(line)} COMP_TYPE=9 COMP_KEY=9\n"
                        f"_muster muster '{piece}' '{words[-2]}'\n"
                        f"(( ${{#COMPREPLY[@]}} )) && printf '%s\\n' \"${{COMPREPLY[@]}}\"; echo {END}\n")
        whole = line.split(" ")[-1]
        return {whole[:len(whole) - len(piece)] + word for word in told}


# ---- fish says it itself ------------------------------------------------------------------------------------------


class Fish(Pipe):
    SCRIPT = f"""
source {COMPLETION}/muster.fish
complete -c probe -f -a 'alpha beta'
complete -c probe -l gamma
function probe; end
while read -l line
    complete -C $line
    echo {END}
end
"""

    def __init__(self, folder):
        super().__init__(["fish", "--no-config", "-c", self.SCRIPT], folder)

    def proposals(self, line):
        return {entry.split("\t")[0] for entry in self.ask(f"{line}\n")}


# ---- zsh has its completion in the line editor, so at a terminal --------------------------------------------------

# All of fpath would take seconds.
ZSH_SCRIPT = f"""
PS1='> '
fpath=({COMPLETION} ${{(M)fpath:#*/Completion(|/Base|/Unix|/Zsh)}})
autoload -Uz compinit
compinit -u -D
_probe() {{ compadd alpha beta --gamma }}
compdef _probe probe
probe() {{ : }}
"""

# Whatever completion functions add is collected, as it would stand there.
ZSH_CAPTURE = r"""
compadd() {
  local word
  local -a got head=("${(@)argv[1,(i)-|--]}")
  for word in "$head[@]"; do
    [[ $word == -[OAD] ]] && { builtin compadd "$@"; return }
  done
  builtin compadd -O got "$@"
  proposals+=("$IPREFIX${^got[@]}")
  builtin compadd "$@"
}
capture() {
  local -a proposals
  _main_complete
  print -rl -- "$proposals[@]" >$CAPTURE_FILE
  print -n "captured-$capture_number "
  compstate[insert]= compstate[list]=
}
zle -C capture list-choices capture
bindkey '^T' capture
bindkey '^U' kill-whole-line
"""


class Zsh(Terminal):
    def __init__(self, folder):
        super().__init__(["zsh", "-f", "-i"], folder)
        self.captured = pathlib.Path(folder) / "zsh-proposals"
        self.number = 0
        script = pathlib.Path(folder) / "zsh-capture"
        script.write_text(f"{ZSH_SCRIPT}CAPTURE_FILE={self.captured}\n{ZSH_CAPTURE}\nprint capture-is-ready\n", encoding="utf-8")
        self.send(f"source {script}\n")
        self.wait_for(r"\ncapture-is-ready")

    def proposals(self, line):
        self.number += 1
        self.send(f"capture_number={self.number}\n")
        self.wait_for(r"> ")
        self.send(f"\x15{line}\x14")
        self.wait_for(rf"captured-{self.number} ")
        self.send("\x15")
        return {word for word in self.captured.read_text(encoding="utf-8").splitlines() if word}
