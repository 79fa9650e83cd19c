"""pier completion, and the help that comes from the same tables."""

import subprocess

import pytest

COMMANDS = ["chat", "completion", "connect", "get", "listen", "put", "serve", "user"]


def complete(pier, *words):
    """What bash offers after these words."""
    script = f"""
        source <('{pier.path}' completion bash)
        compopt() {{ :; }}
        COMP_WORDS=({' '.join(f"'{w}'" for w in words)}) COMP_CWORD={len(words) - 1}
        _pier
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_values_and_verbs(pier):
    assert complete(pier, "pier", "ser") == ["serve"]
    assert set(COMMANDS) <= set(complete(pier, "pier", ""))
    assert set(complete(pier, "pier", "serve", "--li")) == {"--listen=", "--line-max="}
    assert complete(pier, "pier", "serve", "--lang", "=", "z") == ["zh"]
    assert complete(pier, "pier", "serve", "--lang", "=") == ["en", "zh"]
    assert complete(pier, "pier", "user", "p") == ["passwd"]
    assert "--json" in complete(pier, "pier", "connect", "--")
    assert complete(pier, "pier", "help", "lis") == ["listen"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_hear_of_every_command(pier, shell):
    script = pier("completion", shell).stdout
    for name in COMMANDS:
        assert name in script
    assert "max-clients" in script


def test_other_shells_are_not_known(pier):
    assert "bash, zsh or fish" in pier("completion", "csh", status=2).stderr
    pier("completion", status=2)


def test_help_lists_every_command_and_shows_every_option(pier):
    page = pier("--help").stdout
    assert page == pier("help").stdout == pier("-h").stdout
    for name in COMMANDS:
        assert f"\n  {name} " in page
        one = pier("help", name)
        assert one.stdout == pier(name, "--help").stdout and one.stderr == ""
        assert "Options" in one.stdout and "Exit status" in one.stdout and f"pier {name}" in one.stdout
        assert max(len(line) for line in one.stdout.splitlines()) <= 80
    assert "--listen=ENDPOINT" in pier("help", "serve").stdout


def test_version_and_no_words_at_all(pier):
    assert pier("--version").stdout.startswith("pier ")
    nothing = pier(status=2)
    assert nothing.stdout == "" and "Commands" in nothing.stderr


def test_a_slip_of_the_finger_is_answered_with_the_right_word(pier):
    assert "did you mean serve?" in pier("srve", status=2).stderr
    assert "did you mean --listen?" in pier("serve", "--lsiten=:1", status=2).stderr
    assert "did you mean passwd?" in pier("user", "paswd", status=2).stderr
    assert "no command xyzzy" in pier("xyzzy", status=2).stderr
    assert "no command xyzzy" in pier("help", "xyzzy", status=2).stderr


def test_colour_is_for_terminals_and_can_be_had_or_not(pier):
    assert "\033" not in pier("serve", "--help").stdout
    assert "\033" in pier("serve", "--color=always", "--help").stdout


def test_output_that_cannot_be_written_is_an_error(pier):
    with open("/dev/full", "w") as full:
        assert subprocess.run([pier.path, "--help"], stdout=full, stderr=subprocess.DEVNULL).returncode == 9
