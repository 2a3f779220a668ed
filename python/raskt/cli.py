"""The command ``raskt``: configuration, documentation, versions, a demonstration.

Packages add commands of their own with an entry point of the group ``raskt_cli`` that
names a command or group of click.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raskt import config as _config
from raskt._config_schema import check_known, options_in
from raskt._config_tree import find, put
from raskt._versions import documentation_url, raskt_version, show_versions

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

CONTEXT_SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 88,
}


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo(f"{context.find_root().info_name}, version {raskt_version()}")
        context.exit()


@click.group(context_settings=CONTEXT_SETTINGS)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Parallel and distributed computing."""


@cli.command(
    context_settings={"ignore_unknown_options": True},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def demo(arguments: tuple[str, ...]) -> None:
    """Compute something, and show what happens.

    Options are those of the demonstration: see raskt demo --help.
    """
    from raskt import demo as demonstration

    demonstration.main(list(arguments))


@cli.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def scheduler(arguments: tuple[str, ...]) -> None:
    """Run the scheduler of a cluster.

    Options: see raskt scheduler --help.
    """
    from raskt.distributed.cli import scheduler as command

    command.main(list(arguments), prog_name="raskt scheduler")


@cli.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: tuple[str, ...]) -> None:
    """Run workers of a cluster.

    Options: see raskt worker --help.
    """
    from raskt.distributed.cli import worker as command

    command.main(list(arguments), prog_name="raskt worker")


@cli.command()
def docs() -> None:
    """Open the documentation in a web browser."""
    import webbrowser

    place = documentation_url()
    if place is None:
        raise click.ClickException("this installation names no documentation page")
    webbrowser.open(place)


@cli.group()
def info() -> None:
    """Tell about this installation."""


@info.command()
def versions() -> None:
    """Print the versions of raskt and of what it works with."""
    show_versions()


@cli.group()
def config() -> None:
    """Look at options and change them."""


@config.command(name="get")
@click.argument("key", required=True)
def config_get(key: str) -> None:
    """Print an option, or a section of options."""
    try:
        value = _config.get(key)
    except KeyError:
        click.echo(click.style(f"Section not found: {key}", fg="red"), err=True)
        raise SystemExit(1) from None
    _print_yaml(value)


@config.command(name="find")
@click.argument("key", required=True)
def config_find(key: str) -> None:
    """Print which files set an option."""
    files = list(_config.paths_containing_key(key, paths=_config.paths))
    if not files:
        click.echo(f"Unable to find [{key}] in any of the following paths:")
        for path in _config.paths:
            click.echo(path)
        return
    click.echo(f"Found [{key}] in the following files:")
    for file in files:
        [content] = _config.collect_yaml([file])
        click.echo(f"{file}  [{key}={find(content, key)}]")


@config.command(name="list")
def config_list() -> None:
    """Print all options."""
    _print_yaml(_config.config)


@config.command(name="set")
@click.argument("key", required=True)
@click.argument("value", required=True)
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write. By default the first one that sets the option, or else "
    f"{_config.FILE_NAME} in the folder RASKT_CONFIG or ~/.config/raskt",
)
def config_set(key: str, value: str, file: Path | None) -> None:
    """Set an option in a file, for all programs from now on.

    VALUE is a Python literal or text.
    """
    setting = _config.interpret_value(value)
    try:
        for option, part in options_in(_config.check_deprecations(key), setting):
            check_known(option, part, _config.deprecations)
        path = _save(key, setting, file or _file_for(key))
    except _config.ConfigError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Updated [{key}] to [{setting}], config saved to {path}")


def _file_for(key: str) -> Path:
    """Return the file to set an option in, if the user names none."""
    for file in _config.paths_containing_key(key, paths=_config.paths):
        return file
    place = Path(_config.PATH)
    return place if place.suffix in (".yaml", ".yml") else place / _config.FILE_NAME


def _save(key: str, value: Any, file: Path) -> Path:
    import yaml

    content: dict[str, Any] = next(_config.collect_yaml([file]), {})
    put(content, key, value)
    file.parent.mkdir(parents=True, exist_ok=True)
    # Whoever reads the file meanwhile sees all of it, or all of the old one.
    unfinished = file.with_name(f"{file.name}.{os.getpid()}")
    unfinished.write_text(yaml.safe_dump(content), encoding="utf-8")
    unfinished.replace(file)
    return file


def _print_yaml(value: Any) -> None:
    if not isinstance(value, dict | list):
        click.echo(str(value))
        return
    import yaml

    class Dumper(yaml.SafeDumper):
        """Shows objects that programs set and YAML does not know as their text."""

    Dumper.add_representer(tuple, yaml.SafeDumper.represent_list)
    Dumper.add_multi_representer(object, lambda d, x: d.represent_str(repr(x)))
    click.echo(yaml.dump(value, Dumper=Dumper), nl=False)


def _register_command_ep(interface: click.Group, entry_point: EntryPoint) -> None:
    """Add the command that an entry point names, or warn that it cannot be added.

    Parameters
    ----------
    interface
        The group to add it to.
    entry_point
        Where the command is.
    """
    try:
        command = entry_point.load()
    except Exception as error:
        warnings.warn(
            f"the command {entry_point.name!r} is not available: an exception occurred "
            f"when it was loaded: {error!r}"
        )
        return
    if not isinstance(command, click.Command):
        warnings.warn(
            "entry points of the group raskt_cli must be instances of click.Command, "
            f"unlike {entry_point.name!r}"
        )
        return
    if command.name in interface.commands:
        warnings.warn(
            f"While registering the command with name {command.name!r}, an existing "
            "command was found, which is now replaced"
        )
    interface.add_command(command)


def main() -> None:
    """Run the command ``raskt`` with the commands of all installed packages."""
    from importlib.metadata import entry_points

    for entry_point in entry_points(group="raskt_cli"):
        _register_command_ep(cli, entry_point)
    cli(prog_name="raskt")
