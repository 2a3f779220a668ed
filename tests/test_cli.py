"""The command ``raskt``."""

from __future__ import annotations

import importlib
import json
import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest
import raskt.config
import yaml
from click.testing import CliRunner
from raskt import cli


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the only place of configuration."""
    monkeypatch.setattr(raskt.config, "PATH", str(tmp_path))
    monkeypatch.setattr(raskt.config, "FILE_NAME", "raskt.yaml")
    monkeypatch.setattr(raskt.config, "paths", [str(tmp_path)])
    return tmp_path


def run(command, *arguments):
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_get_prints_values_as_people_write_them():
    assert run(cli.config_get, "array.svg.size").output == "120\n"
    assert run(cli.config_get, "array.backend").output == "numpy\n"
    section = run(cli.config_get, "array").output
    assert yaml.safe_load(section) == raskt.config.get("array")
    assert section.startswith("backend:")


def test_get_of_what_is_not_there():
    result = run(cli.config_get, "no.such.option")
    assert result.exit_code == 1
    assert result.output == "Section not found: no.such.option\n"


def test_list_prints_objects_that_yaml_cannot_hold():
    with raskt.config.set({"lib": {"lock": object(), "pair": (1, 2)}}):
        result = run(cli.config_list)
    assert result.exit_code == 0
    listed = yaml.safe_load(result.output)
    assert listed["lib"]["pair"] == [1, 2]
    assert listed["lib"]["lock"].startswith("<object object")
    assert listed["memory"]["limit"] == "60%"


def test_set_writes_the_users_file(folder):
    file = folder / "raskt.yaml"
    output = run(cli.config_set, "array.chunk-size", "64 MiB").output
    assert output == f"Updated [array.chunk-size] to [64 MiB], config saved to {file}\n"
    run(cli.config_set, "array.svg.size", "150")
    assert yaml.safe_load(file.read_text()) == {
        "array": {"chunk-size": "64 MiB", "svg": {"size": 150}}
    }
    assert list(folder.iterdir()) == [file]


def test_set_changes_the_file_that_has_the_option(folder):
    other = folder / "a-team.yaml"
    other.write_text("lib: {x: 1}")
    run(cli.config_set, "lib.x", "None")
    assert yaml.safe_load(other.read_text()) == {"lib": {"x": None}}
    assert list(folder.iterdir()) == [other]


def test_set_where_the_configuration_is_one_file(folder, monkeypatch):
    file = folder / "deep" / "mine.yaml"
    monkeypatch.setattr(raskt.config, "PATH", str(file))
    run(cli.config_set, "lib.x", "1")
    assert yaml.safe_load(file.read_text()) == {"lib": {"x": 1}}


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("array.chunk-siz", "1", "did you mean 'array.chunk-size'?"),
        ("array.svg", "{'sice': 1}", "did you mean 'array.svg.size'?"),
        ("array.svg", "5", "it is a section"),
    ],
)
def test_set_refuses_what_raskt_would_not_start_with(folder, key, value, message):
    result = run(cli.config_set, key, value)
    assert result.exit_code == 1
    assert message in result.output
    assert not list(folder.iterdir())


def test_set_refuses_to_overwrite_a_broken_file(folder):
    file = folder / "raskt.yaml"
    file.write_text("{")
    result = run(cli.config_set, "lib.x", "1", "--file", str(file))
    assert result.exit_code == 1
    assert "malformed" in result.output
    assert file.read_text() == "{"


def test_find(folder):
    (folder / "a.yaml").write_text("lib: {x: 1}")
    (folder / "b.yaml").write_text("lib: {x: null}")
    assert run(cli.config_find, "lib.x").output.splitlines() == [
        "Found [lib.x] in the following files:",
        f"{folder / 'a.yaml'}  [lib.x=1]",
        f"{folder / 'b.yaml'}  [lib.x=None]",
    ]
    assert run(cli.config_find, "lib.y").output.splitlines() == [
        "Unable to find [lib.y] in any of the following paths:",
        str(folder),
    ]


def test_version_and_versions():
    assert run(cli.cli, "--version").output == f"cli, version {raskt.__version__}\n"
    table = json.loads(run(cli.cli, "info", "versions").output)
    assert table["raskt"] == raskt.__version__
    assert table["Python"] == ".".join(map(str, sys.version_info[:3]))
    assert table["cloudpickle"] == importlib.import_module("cloudpickle").__version__


def test_help_names_the_commands():
    help_text = run(cli.cli, "--help").output
    for command in ("config", "demo", "docs", "info"):
        assert f"  {command} " in help_text


@pytest.mark.parametrize("arguments", [(), ("--pages", "3", "-x", "file"), ("--help",)])
def test_demo_gets_all_arguments(monkeypatch, arguments):
    seen = []
    demo = types.ModuleType("raskt.demo")
    demo.main = seen.append
    monkeypatch.setitem(sys.modules, "raskt.demo", demo)
    monkeypatch.setattr(raskt, "demo", demo, raising=False)
    result = run(cli.cli, "demo", *arguments)
    assert result.exit_code == 0, result.output
    assert seen == [list(arguments)]


@pytest.mark.parametrize("place", ["file:///docs/index.html", None])
def test_docs_opens_the_page_that_the_package_names(monkeypatch, place):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(cli, "documentation_url", lambda: place)
    result = run(cli.cli, "docs")
    assert opened == ([place] if place else [])
    assert result.exit_code == (0 if place else 1)


# Commands of other packages.


@click.command(name="good")
def good():
    pass


@click.command(name="good")
def better():
    pass


def no_command():
    pass


def entry_point(name):
    return EntryPoint(name=name, value=f"{__name__}:{name}", group="raskt_cli")


def test_commands_of_packages_are_added(monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    group = click.Group()
    cli._register_command_ep(group, entry_point("good"))
    assert group.commands == {"good": good}
    with pytest.warns(UserWarning, match="the command with name 'good'"):
        cli._register_command_ep(group, entry_point("better"))
    assert group.commands == {"good": better}


def test_commands_that_are_none_are_left_out():
    group = click.Group()
    with pytest.warns(UserWarning, match="must be instances of click.Command"):
        cli._register_command_ep(group, entry_point("no_command"))
    with pytest.warns(UserWarning, match="an exception occurred.*AttributeError"):
        cli._register_command_ep(group, entry_point("missing"))
    assert group.commands == {}


def test_main_adds_them(monkeypatch, capsys):
    monkeypatch.setattr(
        "importlib.metadata.entry_points",
        lambda group: [entry_point("good")] if group == "raskt_cli" else [],
    )
    monkeypatch.setattr(cli.cli, "commands", dict(cli.cli.commands))
    monkeypatch.setattr(sys, "argv", [str(Path("bin", "raskt")), "--help"])
    with pytest.raises(SystemExit) as done:
        cli.main()
    assert done.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Usage: raskt ")
    assert "  good" in printed
