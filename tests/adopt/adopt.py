"""Man pages, completion, make install and make deb; see run.sh."""
import glob
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

PAGES = "build/opt/share"
BASH = PAGES + "/bash-completion/completions/dynamill"
ZSH = PAGES + "/zsh/site-functions/_dynamill"
FISH = PAGES + "/fish/vendor_completions.d/dynamill.fish"

# Parsed, and refused or without effect as yet: help is silent about them.
SILENT = set()
# In every command and no help of its own.
OWN = {"help"}

counts = {"passed": 0, "failed": 0, "skipped": 0}


class Skip(Exception):
    pass


def test(f):
    try:
        f()
    except Skip as e:
        print(f"skipped: {f.__doc__}: {e}")
        counts["skipped"] += 1
    except Exception as e:
        print(f"not ok {f.__doc__}: {type(e).__name__}: {str(e)[-2000:]}")
        counts["failed"] += 1
    else:
        print(f"ok {f.__doc__}")
        counts["passed"] += 1


def run(*args, **kw):
    p = subprocess.run(args, capture_output=True, text=True, timeout=600,
                       stdin=subprocess.DEVNULL, **kw)
    if p.returncode != 0:
        raise AssertionError(f"{' '.join(args)}: status {p.returncode}\n"
                             + p.stdout + p.stderr)
    return p.stdout


def need(tool):
    if not shutil.which(tool):
        raise Skip(f"there is no {tool}")


def read(path):
    with open(path) as f:
        return f.read()


def source_commands():
    return re.findall(r'\{ "([a-z-]+)", command_\w+ \}',
                      read("src/cli/main.c"))


def source_options():
    """Name to whether it takes a value, as the parser has them."""
    found = re.findall(r'\{ "([a-z-]+)", (required|no)_argument,',
                       read("src/cli/options.c"))
    return {"--" + name: needs == "required" for name, needs in found}


def page_options(command):
    """Name to what is said of its value, as the man page has them."""
    text = read(f"{PAGES}/man/man1/dynamill-{command}.1")
    part = text.split(".SH OPTIONS\n")[1].split("\n.SH ")[0]
    options = {}
    for line in re.findall(r"(?<=\.TP\n).*", part):
        line = re.sub(r"\\f.", "", line).replace("\\-", "-")
        for word in re.split(r",? (?=-)", line):
            name, _, value = word.partition(" ")
            options[name] = value.rstrip(",")
    return options


def commands_have_pages():
    """every command of the program has a page and its place in the lists"""
    commands = source_commands()
    assert len(commands) > 10, commands
    for c in commands:
        assert os.path.exists(f"{PAGES}/man/man1/dynamill-{c}.1"), \
            f"'{c}' has no page: it is not in the list of 'help'"
        dashes = c.replace("-", "\\-")
        assert f"\n.BR dynamill\\-{dashes} (1)\n" in \
            read(PAGES + "/man/man1/dynamill.1"), c
        assert f"\n\t{c})\n" in read(BASH), c
        assert f"\n\t'{c}:" in read(ZSH), c
        assert f"-a {c} -d" in read(FISH), c
    pages = {re.search(r"dynamill-(.*)\.1$", p)[1]
             for p in glob.glob(PAGES + "/man/man1/dynamill-*")}
    assert pages == set(commands), pages ^ set(commands)


def options_have_entries():
    """every option of the parser is in a page and in each completion"""
    parsed = source_options()
    assert len(parsed) > 40, parsed
    said = {}
    for c in source_commands():
        for name, value in page_options(c).items():
            said[name] = value
            if name.startswith("--"):
                assert name in parsed, f"'{c}' has {name}; the parser not"
                assert parsed[name] == bool(value), \
                    f"'{c}': {name} '{value}': a value or none?"
            words = re.search(r"\n\t" + c + r"\)\n\t\toptions='(.*)'",
                              read(BASH))[1].split()
            assert name in words, f"bash: {c} {name}"
            block = read(ZSH).split(f"\n{c})\n")[1].split(";;")[0]
            assert re.search(rf"'\*?{name}\[", block), f"zsh: {c} {name}"
            flag = "-l " + name[2:] if name[1] == "-" else "-s " + name[1:]
            assert f"__dynamill_command {c}' {flag} " in read(FISH), \
                f"fish: {c} {name}"
    silent = {o[2:] for o in parsed if o not in said}
    assert silent == SILENT, f"said by no help, or by now: {silent ^ SILENT}"


def refuses_what_it_does_not_understand():
    """help that is not understood makes no pages"""
    texts = {
        "an option that nothing is said of":
            "usage: dynamill x [OPTIONS]\n\n  --a\n  --b  text\n\n"
            "Exit status: 0 done.\n",
        "an option of the usage that is not explained":
            "usage: dynamill x [--c]\n\n  --a  text\n\nExit status: 0 done.\n",
        "no exit status": "usage: dynamill x\n\n  --a  text\n",
        "an option twice":
            "usage: dynamill x\n\n  --a  text\n  --a  text\n\n"
            "Exit status: 0 done.\n",
        None: "usage: dynamill x [OPTIONS]\n\n  --a N  text\n\n"
              "Exit status: 0 done; 1 not.\n",
    }
    with tempfile.TemporaryDirectory() as d:
        for what, text in texts.items():
            program = d + "/program"
            with open(d + "/x", "w") as f:
                f.write(text)
            with open(program, "w") as f:
                f.write("#!/bin/sh\n[ $1 = version ] && echo dynamill 9 ||\n"
                        f"if [ $# -gt 1 ]; then cat {d}/x; else printf "
                        "'u\\n\\ncommands\\n  x PLAN...  a command\\n\\n'\n"
                        "fi\n")
            os.chmod(program, 0o755)
            p = subprocess.run(["sh", "scripts/pages", program, d + "/out"],
                               capture_output=True, text=True)
            assert (p.returncode == 0) == (what is None), (what, p.stderr)
            assert os.path.exists(d + "/out") == (what is None)


def awks_agree():
    """mawk, gawk and busybox make the same pages"""
    awks = {"mawk": "exec mawk", "gawk": "exec gawk --posix",
            "busybox": "exec busybox awk"}
    here = [a for a in awks if shutil.which(a)]
    if len(here) < 2:
        raise Skip(f"there is only {here}")
    with tempfile.TemporaryDirectory() as d:
        for awk in here:
            os.mkdir(f"{d}/{awk}")
            with open(f"{d}/{awk}/awk", "w") as f:
                f.write(f'#!/bin/sh\n{awks[awk]} "$@"\n')
            os.chmod(f"{d}/{awk}/awk", 0o755)
            run("sh", "scripts/pages", "build/opt/dynamill", f"{d}/out-{awk}",
                env={**os.environ, "PATH": f"{d}/{awk}:" +
                     os.environ["PATH"]})
            run("diff", "-r", f"{d}/out-{here[0]}", f"{d}/out-{awk}")


def pages_render():
    """man pages render without a warning"""
    need("groff")
    pages = sorted(glob.glob(PAGES + "/man/man1/*.1"))
    for page in pages:
        p = subprocess.run(["groff", "-man", "-ww", "-Tutf8", page],
                           capture_output=True, text=True)
        assert p.returncode == 0 and not p.stderr, page + ": " + p.stderr
        assert "EXIT STATUS" in re.sub(r"\x1b\[\d*m|.\x08", "", p.stdout)


def pages_pass_lint():
    """mandoc finds nothing wrong with the man pages"""
    need("mandoc")
    run("mandoc", "-T", "lint", "-W", "warning",
        *sorted(glob.glob(PAGES + "/man/man1/*.1")))


def man_shows_them():
    """man shows the page that make install installed"""
    need("man")
    with tempfile.TemporaryDirectory() as d:
        run("make", "-s", "install", "DESTDIR=" + d, "PREFIX=/usr")
        text = run("man", "-M", d + "/usr/share/man", "dynamill-run",
                   env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
        assert "--on-bad-item reject|fail" in text, text


# ---- shells ----

def type_into(args, lines, env, end):
    """A shell on a terminal: send lines, one after a prompt; what it shows."""
    import pty
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(env["PWD"])
        os.execvpe(args[0], args, env)
    shown = b""
    try:
        for line, awaited in lines:
            os.write(fd, line.encode())
            since, until = len(shown), time.monotonic() + 20
            while awaited.encode() not in shown[since:]:
                ready, _, _ = select.select([fd], [], [], 1)
                if ready:
                    shown += os.read(fd, 65536)
                assert time.monotonic() < until, \
                    f"no '{awaited}' after {line!r}: {shown[since:]!r}"
    finally:
        os.write(fd, end.encode())
        os.close(fd)
        os.waitpid(pid, 0)
    return shown.decode(errors="replace")


class Place(tempfile.TemporaryDirectory):
    """A folder with plans, a job and others to complete."""

    def __enter__(self):
        d = super().__enter__()
        for name in ("my plan.yaml", "other.yml", "notes.txt"):
            open(f"{d}/{name}", "w").close()
        os.mkdir(d + "/move.job")
        return d


EXPECTED = [
    ("dynamill ", set(source_commands()) | {"help", "version"}),
    ("dynamill re", {"restore", "reverse"}),
    ("dynamill help wh", {"whoami"}),
    ("dynamill run --on-", {"--on-bad-item", "--on-duplicate"}),
    ("dynamill run --on-bad-item ", {"reject", "fail"}),
    ("dynamill run --on-bad-item=r", {"reject"}),
    ("dynamill run x.yaml --level ", set("123456789")),
    ("dynamill cat --as i", {"ion"}),
    ("dynamill validate --output ", {"text", "json", "junit"}),
    ("dynamill run --output ", {"text", "json"}),
    ("dynamill check --on-", set()),
    ("dynamill run --job ", {"move.job"}),
    ("dynamill run --log ", {"my plan.yaml", "other.yml", "notes.txt",
                             "move.job"}),
    ("dynamill run --limit ", set()),
    ("dynamill run m", {"my plan.yaml", "move.job"}),
    ("dynamill check ", {"my plan.yaml", "other.yml", "move.job"}),
    ("dynamill cat n", {"notes.txt"}),
    ("dynamill tables d", {"describe", "delete"}),
    ("dynamill tables create n", {"notes.txt"}),
    ("dynamill tables --yes --pro", {"--profile"}),
]


def bash_completes():
    """bash completes commands, options, their values and files"""
    need("bash")
    script = r"""
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_dynamill dynamill "${COMP_WORDS[COMP_CWORD]}" ""
[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
"""
    with Place() as d:
        for line, expected in EXPECTED:
            # As readline splits it: = is a word of its own.
            words = re.sub("=", " = ", line).split(" ")
            if "=" in words and line.endswith("="):
                words.pop()
            got = run("bash", "-c", script, "bash", os.path.abspath(BASH),
                      *words, cwd=d).splitlines()
            assert set(got) == expected, (line, got)
            assert len(got) == len(set(got)), (line, got)


def bash_completes_on_a_terminal():
    """bash completes on a terminal, names with spaces too"""
    need("bash")
    with Place() as d:
        env = {"PATH": os.environ["PATH"], "TERM": "dumb", "PS1": "> ",
               "PWD": d, "HOME": d}
        type_into(["bash", "--norc", "--noprofile", "-i"], [
            (f"source {os.path.abspath(BASH)}\n", "> "),
            ("dynamill rev\t", "reverse "),
            ("--fo\t", "--force "),
            ("my\t", "my\\ plan.yaml "),
        ], env, "\x15exit\n")


def zsh_completes():
    """zsh completes commands, options, their values and files"""
    need("zsh")
    with Place() as d:
        env = {"PATH": os.environ["PATH"], "TERM": "dumb", "PWD": d,
               "HOME": d, "ZDOTDIR": d}
        with open(d + "/.zshrc", "w") as f:
            f.write("PS1='> '\nunsetopt zle_bracketed_paste\n"
                    f"fpath=({os.path.abspath(os.path.dirname(ZSH))} "
                    "$fpath)\nautoload -U compinit\ncompinit -u -D\n"
                    "echo ready\n")
        clear = "\x15"
        type_into(["zsh", "-i"], [
            ("", "ready"),
            ("dynamill rev\t", "reverse "),
            ("--fo\t", "--force "),
            ("my\t", "my\\ plan.yaml "),
            (clear + "dynamill run --on-b\t", "--on-bad-item "),
            ("r\t", "reject "),
            ("--dry\t", "--dry-run "),
            ("oth\t", "other.yml "),
            ("--job m\t", "move.job/"),
            (clear + "dynamill cat --as i\t", "ion "),
            ("not\t", "notes.txt "),
            (clear + "dynamill help val\t", "validate "),
            (clear + "dynamill w\t", "whoami "),
            (clear + "dynamill tables des\t", "describe "),
            ("not\t", "notes.txt "),
        ], env, clear + "exit\n")


def fish_completes():
    """fish completes commands, options, their values and files"""
    need("fish")
    with Place() as d:
        env = {**os.environ, "HOME": d, "XDG_CONFIG_HOME": d + "/.config",
               "XDG_DATA_HOME": d + "/.local"}
        for line, expected in EXPECTED:
            got = run("fish", "--no-config", "-c",
                      f"source {os.path.abspath(FISH)}; complete -C $argv[1]",
                      line, cwd=d, env=env).splitlines()
            got = {g.split("\t")[0].rstrip("/").split("=")[-1] for g in got}
            # fish shows other files when nothing fits better.
            if "--log" in line or "check " in line or "--job" in line:
                assert expected <= {g.replace("\\ ", " ") for g in got}, \
                    (line, got)
                continue
            assert {g.replace("\\ ", " ") for g in got} == expected, \
                (line, got)


# ---- make install, make deb ----

def tree(folder):
    return sorted(os.path.relpath(os.path.join(at, f), folder)
                  for at, _, files in os.walk(folder) for f in files)


def installs_and_uninstalls():
    """make install puts things in their places, make uninstall takes them"""
    with tempfile.TemporaryDirectory() as d:
        run("make", "-s", "install", "DESTDIR=" + d, "PREFIX=/opt/x y")
        files = tree(d + "/opt/x y")
        for f in ("bin/dynamill", "share/man/man1/dynamill.1",
                  "share/man/man1/dynamill-run.1",
                  "share/bash-completion/completions/dynamill",
                  "share/zsh/site-functions/_dynamill",
                  "share/fish/vendor_completions.d/dynamill.fish",
                  "share/doc/dynamill/docs/PLAN.md"):
            assert f in files, f
        assert "dynamill " in run(d + "/opt/x y/bin/dynamill", "version")
        for other in ("share/man/man1/other.1", "share/doc/dynamill/mine"):
            open(f"{d}/opt/x y/{other}", "w").close()
        run("make", "-s", "uninstall", "DESTDIR=" + d, "PREFIX=/opt/x y")
        assert tree(d) == ["opt/x y/share/doc/dynamill/mine",
                           "opt/x y/share/man/man1/other.1"], tree(d)


def package():
    need("dpkg-deb")
    need("dpkg-shlibdeps")
    run("make", "-s", "deb")
    return max(glob.glob("build/dynamill_*.deb"), key=os.path.getmtime)


def package_is_right():
    """make deb: contents, owners, compression, dependencies"""
    deb = package()
    field = lambda f: run("dpkg-deb", "-f", deb, f).strip()
    version = run("build/opt/dynamill", "version").split()[1]
    assert field("Version") == version
    assert field("Architecture") == \
        run("dpkg", "--print-architecture").strip()
    depends = field("Depends")
    for library in ("libc6", "libisal2", "libssl3", "libarchive13"):
        assert library in depends, depends
    with tempfile.TemporaryDirectory() as d:
        run("dpkg-deb", "-x", deb, d)
        files = tree(d)
        made = {"usr/share/" + f.replace("site-functions",
                                         "vendor-completions") +
                (".gz" if f.startswith("man/") else "")
                for f in tree(PAGES)}
        assert set(files) == made | {"usr/bin/dynamill",
                                     "usr/share/doc/dynamill/copyright"}, \
            set(files) ^ made
        run("gzip", "-t", *glob.glob(d + "/usr/share/man/man1/*.gz"))
        run("dpkg-deb", "-e", deb, d + "/DEBIAN")
        run("md5sum", "--quiet", "-c", "DEBIAN/md5sums", cwd=d)
        sums = read(d + "/DEBIAN/md5sums").splitlines()
        assert sorted(s.split("  ", 1)[1] for s in sums) == files
    for line in run("dpkg-deb", "-c", deb).splitlines():
        mode, owner = line.split()[:2]
        assert owner == "root/root", line
        assert mode == "drwxr-xr-x" if mode[0] == "d" else \
            mode == ("-rwxr-xr-x" if "/bin/" in line else "-rw-r--r--"), line


def package_is_the_same_again():
    """make deb twice makes the same bytes"""
    deb = package()
    with open(deb, "rb") as f:
        first = f.read()
    time.sleep(1.1)     # file times are whole seconds in it
    package()
    with open(deb, "rb") as f:
        assert first == f.read()


def package_installs_in_a_bare_debian():
    """the package installs in a bare Debian 12, runs, and goes again"""
    base = os.environ.get("DEBIAN_TAR") or \
        os.environ.get("TMPDIR", "/var/tmp") + "/bookworm-minbase.tar"
    if os.geteuid() != 0:
        raise Skip("that needs root")
    if not os.path.exists(base):
        raise Skip(f"there is no {base}")
    deb = package()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as d:
        root = d + "/root"
        os.mkdir(root)
        run("tar", "-C", root, "-xf", base)
        for f in ("/etc/resolv.conf", "/etc/hosts"):
            shutil.copy(f, root + f)
        for f in glob.glob("/usr/local/share/ca-certificates/*.crt"):
            os.makedirs(root + os.path.dirname(f), exist_ok=True)
            shutil.copy(f, root + f)
        shutil.copy(deb, root + "/tmp/dynamill.deb")
        shutil.copytree("fixtures", root + "/tmp/fixtures")

        def inside(command):
            return run(
                "unshare", "--mount", "--pid", "--fork", "sh", "-c",
                'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"'
                ' && exec chroot "$1" /usr/bin/env -i HOME=/root '
                'PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 '
                'DEBIAN_FRONTEND=noninteractive sh -ec "$2"', "sh", root,
                command)

        try:
            inside("apt-get -q update")
        except AssertionError as e:
            raise Skip("apt-get update: " + str(e).splitlines()[-1])
        inside("apt-get -q -y install --no-install-recommends "
               "/tmp/dynamill.deb")
        shown = inside("cd /tmp && dynamill version && "
                       "dynamill run fixtures/plans/demo.yaml --job x.job && "
                       "dynamill validate --job x.job")
        assert "items written" in shown, shown
        assert os.path.exists(root + "/usr/bin/dynamill")
        inside("apt-get -q -y remove dynamill")
        assert not os.path.exists(root + "/usr/bin/dynamill")


os.environ.pop("MAKEFLAGS", None)
run("make", "-s", "all", "pages")
for t in (commands_have_pages, options_have_entries,
          refuses_what_it_does_not_understand, awks_agree, pages_render,
          pages_pass_lint, man_shows_them, bash_completes, bash_completes_on_a_terminal,
          zsh_completes, fish_completes, installs_and_uninstalls,
          package_is_right, package_is_the_same_again,
          package_installs_in_a_bare_debian):
    test(t)
print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
sys.exit(counts["failed"] > 0)
