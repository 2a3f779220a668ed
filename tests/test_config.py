"""Options: where they come from, who wins, what is refused, what is taken back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
import raskt.config as rc
import yaml
from raskt._config_schema import DEPRECATIONS, OPTIONS, SECTIONS, default_values
from raskt.config import ConfigError


@pytest.fixture
def unchanged():
    """Fail if the test leaves the global configuration other than it was."""
    before = rc.merge(rc.config)
    yield
    assert rc.config == before


@pytest.fixture
def bare_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("RASKT_", "DASK_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def in_fresh_process(code, **environment):
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("RASKT_", "DASK_"))
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


# Reading options.


def test_get_finds_either_spelling():
    config = {"a-b": {"c_d": 1}}
    for key in ("a-b.c_d", "a_b.c-d", "a_b.c_d", "a-b.c-d"):
        assert rc.get(key, config=config) == 1


def test_get_of_something_below_a_value_is_missing():
    with pytest.raises(KeyError, match=r"a\.b\.c"):
        rc.get("a.b.c", config={"a": {"b": 1}})
    assert rc.get("a.b.c", 7, config={"a": {"b": 1}}) == 7
    assert rc.get("a.b", 7, config={"a": None}) == 7


def test_get_returns_null_rather_than_the_default():
    assert rc.get("a", 5, config={"a": None}) is None


# The table.


def test_every_option_is_described_and_lies_in_a_section():
    for key, (_, description) in OPTIONS.items():
        assert description.endswith("."), key
        if "." in key:
            assert key.split(".")[0] in SECTIONS, key


def test_old_names_lead_to_options_that_exist():
    assert all(new is None or new in OPTIONS for new in DEPRECATIONS.values())


def test_defaults_are_fresh_each_time():
    default_values()["array"]["svg"]["size"] = -1
    default_values()["admin"]["traceback"]["shorten"].clear()
    assert default_values()["array"]["svg"]["size"] == 120
    assert default_values()["admin"]["traceback"]["shorten"]


def test_defaults_are_those_of_dask():
    defaults = pytest.importorskip("dask.config").defaults[0]

    def compare(theirs, ours, path):
        for name, value in theirs.items():
            here = f"{path}{name}"
            if isinstance(value, dict):
                compare(value, ours[name], f"{here}.")
            elif here != "admin.traceback.shorten":
                assert ours[name] == value, here

    compare(defaults, default_values(), "")


# Unknown options.


@pytest.mark.parametrize(
    "key, meant",
    [
        ("optimization.fuse.activ", "optimization.fuse.active"),
        ("array.chunk_siz", "array.chunk-size"),
        ("threads.num_workers", "num_workers"),
        ("memory.limits", "memory.limit"),
        ("dataframe.shufle.method", "dataframe.shuffle.method"),
    ],
)
def test_unknown_option_of_ours_names_the_nearest(key, meant, unchanged):
    with pytest.raises(ConfigError) as error:
        rc.set({key: 1})
    assert str(error.value) == f"unknown option {key!r}: did you mean {meant!r}?"


def test_unknown_option_without_a_near_one_lists_the_section(unchanged):
    with pytest.raises(
        ConfigError, match=r"'array\.svg' has the options array\.svg\.size"
    ):
        rc.set({"array.svg.zzzzzzzz": 1})
    with pytest.raises(ConfigError, match="the section 'bag' has no options"):
        rc.set({"bag.zzzzzzzz": 1})


def test_unknown_option_inside_a_mapping(unchanged):
    with pytest.raises(ConfigError, match=r"'array\.svg\.sice': did you mean"):
        rc.set({"array": {"svg": {"sice": 1}}})


def test_section_cannot_be_a_value(unchanged):
    with pytest.raises(ConfigError, match=r"'dataframe\.shuffle' cannot be 'tasks'"):
        rc.set({"dataframe.shuffle": "tasks"})


@pytest.mark.parametrize(
    "key", ["foo.bar", "jobqueue.slurm.cores", "jobqueue.slurm.x", "array_optimize"]
)
def test_keys_of_others_are_free(key, unchanged):
    with rc.set({key: 1}):
        assert rc.get(key) == 1


def test_an_options_own_mapping_is_free(unchanged):
    with rc.set({"multiprocessing.context": {"any": "thing"}}):
        assert rc.get("multiprocessing.context") == {"any": "thing"}


@pytest.mark.parametrize("key", OPTIONS)
def test_every_option_can_be_set(key, unchanged):
    with rc.set({key.replace("-", "_"): "value"}):
        assert rc.get(key) == "value"


# Setting options.


def test_setting_is_all_or_nothing(unchanged):
    with pytest.raises(ConfigError):
        rc.set({"foo.bar": 1, "array.zzz": 2})
    config = {"b": 5}
    with pytest.raises(
        ConfigError, match=r"cannot set 'b\.c': 'b' is 5, not a section"
    ):
        rc.set({"a.x": 1, "b.c": 2}, config=config)
    assert config == {"b": 5}


def test_setting_refuses_names_that_are_no_text():
    with pytest.raises(TypeError, match="is a str, not 1"):
        rc.set({1: 2}, config={})


def test_a_section_of_ours_is_merged_not_replaced(unchanged):
    with rc.set({"array": {"svg": {"size": 1}}}):
        assert rc.get("array.svg.size") == 1
        assert rc.get("array.chunk-size") == "128MiB"
    with rc.set(array=None):
        assert rc.get("array.chunk-size") == "128MiB"


def test_a_section_of_others_is_replaced_and_comes_back():
    config = {"foo": {"x": 1, "y": 2}}
    with rc.set({"foo": {"z": 3}}, config=config):
        assert config == {"foo": {"z": 3}}
    assert config == {"foo": {"x": 1, "y": 2}}


def test_the_callers_mapping_is_not_changed():
    given = {"bar": 1}
    config = {}
    rc.set({"foo": given}, config=config, foo__baz=2)
    assert config == {"foo": {"bar": 1, "baz": 2}}
    assert given == {"bar": 1}


def test_values_keep_their_identity(unchanged):
    results = {}
    with rc.set(cache=results):
        assert rc.get("cache") is results


def test_leaving_keeps_what_others_put_into_the_section():
    # Dask deletes the root "lib" here, and with it "lib.other".
    config = {}
    with rc.set({"lib.mine": 1}, config=config):
        rc.update_defaults({"lib": {"other": 2}}, config=config, defaults=[])
    assert config == {"lib": {"other": 2}}


def test_leaving_a_null_section_makes_it_null_again():
    config = {"lib": None}
    with rc.set({"lib.mine": 1}, config=config):
        assert config == {"lib": {"mine": 1}}
    assert config == {"lib": None}


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_contexts_may_end_in_any_order(first_to_leave):
    config = {"x": 0}
    contexts = [
        rc.set({"x": 1, "s.a": 1}, config=config),
        rc.set({"x": 2, "s.b": 2}, config=config),
    ]
    first, second = contexts[first_to_leave], contexts[1 - first_to_leave]
    for context in contexts:
        context.__enter__()
    first.__exit__(None, None, None)
    assert config["x"] == (2 if first_to_leave == 0 else 1)
    assert config["s"] == ({"b": 2} if first_to_leave == 0 else {"a": 1})
    second.__exit__(None, None, None)
    assert config == {"x": 0}


def test_a_setting_without_context_is_for_good():
    config = {"x": 0}
    rc.set({"x": 1}, config=config)
    with rc.set({"x": 2}, config=config):
        pass
    assert config == {"x": 1}


def test_an_error_inside_takes_the_setting_back(unchanged):
    with pytest.raises(ZeroDivisionError), rc.set({"foo.bar": 1}):
        raise ZeroDivisionError


def test_many_threads_set_and_leave(unchanged):
    threads = 8
    barrier = threading.Barrier(threads)
    failures = []

    def work(i):
        barrier.wait()
        for n in range(200):
            with rc.set({f"lib.deep.option{i}": n, "array.svg.size": i}):
                if rc.get(f"lib.deep.option{i}", None) != n:
                    failures.append((i, n))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures
    assert rc.get("array.svg.size") == 120


# Defaults of libraries.


def test_users_value_survives_new_defaults():
    config, defaults = {}, []
    rc.update_defaults({"lib": {"a": 1, "b": 1}}, config=config, defaults=defaults)
    rc.set({"lib.b": 5}, config=config)
    rc.update_defaults({"lib": {"a": 2, "b": 2}}, config=config, defaults=defaults)
    assert config == {"lib": {"a": 2, "b": 5}}
    rc.refresh(config=config, defaults=defaults, paths=[], env={})
    assert config == {"lib": {"a": 2, "b": 2}}


def test_pop_from_a_value_is_a_key_error():
    with pytest.raises(KeyError):
        rc.pop("a.b", config={"a": 1})
    assert rc.pop("a.b", 3, config={"a": 1}) == 3


# Files.


def test_files_override_defaults_and_variables_override_files(tmp_path):
    (tmp_path / "a.yaml").write_text("lib: {x: 1, y: 1, z: 1}")
    (tmp_path / "b.yaml").write_text("lib: {y: 2, z: 2}")
    config = {}
    rc.refresh(
        config=config,
        defaults=[{"lib": {"w": 0, "x": 0}}],
        paths=[tmp_path],
        env={"RASKT_LIB__Z": "3"},
    )
    assert config == {"lib": {"w": 0, "x": 1, "y": 2, "z": 3}}


def test_an_empty_section_in_a_file_hides_nothing(tmp_path):
    (tmp_path / "a.yaml").write_text("array:\n  # chunk-size: 1 GiB\nlib:\n")
    config = {}
    rc.refresh(config=config, defaults=[{"array": {"x": 1}}], paths=[tmp_path], env={})
    assert config == {"array": {"x": 1}, "lib": None}


def test_unknown_option_in_a_file_of_ours_names_the_file(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("array: {chunk-siz: 1}")
    with pytest.raises(ConfigError) as error:
        rc.collect([tmp_path], env={})
    assert str(file) in str(error.value)
    assert "did you mean 'array.chunk-size'?" in str(error.value)


def test_files_of_dask_may_say_anything(tmp_path, monkeypatch, bare_environment):
    (tmp_path / "dask.yaml").write_text("array: {new-option: 1}")
    assert rc.collect([tmp_path], env={}) == {"array": {"new-option": 1}}
    place = tmp_path / "dasks"
    place.mkdir()
    (place / "any.yaml").write_text("array: {other-option: 1}")
    with pytest.raises(ConfigError):
        rc.collect([place], env={})
    monkeypatch.setenv("DASK_CONFIG", str(place))
    assert rc.collect([place], env={}) == {"array": {"other-option": 1}}


@pytest.mark.parametrize("content", ["{", "[1]", "text", b"\xff\xfe\xfa"])
def test_malformed_file_is_named(tmp_path, content):
    file = tmp_path / "broken.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match="broken.yaml is malformed"):
        rc.collect([file], env={})


def test_empty_and_missing_files_say_nothing(tmp_path):
    (tmp_path / "empty.yaml").touch()
    assert rc.collect([tmp_path, tmp_path / "missing"], env={}) == {}


def test_a_failed_refresh_changes_nothing(tmp_path, unchanged):
    (tmp_path / "broken.yaml").write_text("{")
    with pytest.raises(ConfigError):
        rc.refresh(paths=[tmp_path])


def test_search_paths(monkeypatch, bare_environment, tmp_path):
    assert rc._get_paths()[0] == "/etc/raskt"
    assert rc._get_paths()[-1] == str(tmp_path / ".config" / "raskt")
    assert str(Path(sys.prefix, "etc", "raskt")) in rc._get_paths()
    monkeypatch.setenv("DASK_CONFIG", "theirs")
    monkeypatch.setenv("DASK_ROOT_CONFIG", "root-of-theirs")
    assert rc._get_paths()[0] == "root-of-theirs"
    assert rc._get_paths()[-1] == "theirs"
    monkeypatch.setenv("RASKT_CONFIG", "/etc/raskt")
    paths = rc._get_paths()
    assert paths[-1] == "/etc/raskt"
    assert len(paths) == len({*paths})


def test_ensure_file_writes_an_example_once(tmp_path):
    source = tmp_path / "lib.yaml"
    source.write_text("# A library.\nlib:\n  x: 1\n\n")
    target = tmp_path / "home" / "lib.yaml"
    rc.ensure_file(source, tmp_path / "home")
    assert target.read_text() == "# A library.\n# lib:\n#   x: 1\n\n"
    target.write_text("mine: 1")
    rc.ensure_file(source, tmp_path / "home", comment=False)
    assert target.read_text() == "mine: 1"
    assert [target] == list((tmp_path / "home").iterdir())


def test_ensure_file_does_without_where_it_cannot_write(tmp_path):
    source = tmp_path / "lib.yaml"
    source.write_text("lib: 1")
    rc.ensure_file(source, source / "no-folder")
    rc.ensure_file(tmp_path / "missing.yaml", tmp_path / "home")
    assert not list((tmp_path / "home").iterdir())


def test_paths_containing_key_counts_null(tmp_path):
    (tmp_path / "a.yaml").write_text("lib: {x: null}")
    (tmp_path / "b.yaml").write_text("lib: {y: 1}")
    assert list(rc.paths_containing_key("lib.x", [tmp_path])) == [tmp_path / "a.yaml"]


# The environment.


def test_our_variables_count_more_than_dasks():
    env = {"DASK_LIB__A_B": "1", "DASK_LIB__C": "1", "RASKT_LIB__A_B": "2"}
    assert rc.collect([], env) == {"lib": {"a_b": 2, "c": 1}}


def test_nested_variables_count_more_than_outer_ones():
    env = {"RASKT_LIB__X": "1", "RASKT_LIB": "{'x': 5, 'y': 2}"}
    assert rc.collect([], env) == {"lib": {"x": 1, "y": 2}}


def test_variables_that_say_where_files_are_are_no_options():
    env = {"RASKT_CONFIG": "/a", "DASK_ROOT_CONFIG": "/b", "RASKT_": "c", "RASKT": "d"}
    assert rc.collect_env(env) == {}


def test_unknown_option_in_a_variable_of_ours_names_the_variable():
    with pytest.raises(
        ConfigError, match=r"RASKT_ARRAY__CHUNKSIZE.*'array\.chunk-size'"
    ):
        rc.collect([], {"RASKT_ARRAY__CHUNKSIZE": "1"})
    with pytest.raises(ConfigError, match="RASKT_ARRAY"):
        rc.collect([], {"RASKT_ARRAY": "{'svg': {'sice': 1}}"})
    assert rc.collect([], {"DASK_ARRAY__CHUNKSIZE": "1"}) == {"array": {"chunksize": 1}}


def test_inherited_configuration_counts_less_than_variables():
    inherited = rc.serialize({"lib": {"x": 1, "y": 1}})
    env = {"RASKT_INTERNAL_INHERIT_CONFIG": inherited, "DASK_LIB__Y": "2"}
    assert rc.collect_env(env) == {"lib": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    "text, value",
    [
        ("1e3", 1000.0),
        ("[1, 'a']", [1, "a"]),
        ("", ""),
        ("(1,", "(1,"),
        ("1 GB", "1 GB"),
        ("a\0b", "a\0b"),
        ("NONE", None),
    ],
)
def test_interpret_value(text, value):
    assert rc.interpret_value(text) == value


# Old names.


def test_a_more_important_old_name_still_counts(tmp_path):
    (tmp_path / "1.yaml").write_text("array: {chunk-size: 1, rechunk: {threshold: 2}}")
    with pytest.warns(FutureWarning, match=r"'array\.rechunk\.threshold'") as caught:
        found = rc.collect([tmp_path], {"RASKT_ARRAY__RECHUNK_THRESHOLD": "9"})
    assert found["array"] == {"chunk-size": 1, "rechunk": {"threshold": 9}}
    assert len(caught) == 1


def test_a_more_important_new_name_silences_the_warning(tmp_path):
    (tmp_path / "1.yaml").write_text("array: {rechunk-threshold: 2}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = rc.collect([tmp_path], {"RASKT_ARRAY__RECHUNK__THRESHOLD": "9"})
    assert found == {"array": {"rechunk": {"threshold": 9}}}


def test_old_names_in_set_warn_at_the_callers_line(unchanged):
    with pytest.warns(FutureWarning, match="deprecated") as caught:
        context = rc.set({"array": {"rechunk-threshold": 7}})
    assert caught[0].filename == __file__
    with context:
        assert rc.get("array.rechunk.threshold") == 7


# Merging.


def test_update_with_mixed_keys():
    assert rc.update({"a": {1: 2}}, {"a": {3: 4}}) == {"a": {1: 2, 3: 4}}


@pytest.mark.parametrize(
    "priority, expected",
    [
        ("new", {"scalar": {"x": 1}, "map": 5, "null": {"x": 1}}),
        ("old", {"scalar": 1, "map": {"y": 1}, "null": {"x": 1}}),
    ],
)
def test_update_between_mappings_and_values(priority, expected):
    old = {"scalar": 1, "map": {"y": 1}, "null": None}
    new = {"scalar": {"x": 1}, "map": 5, "null": {"x": 1}}
    assert rc.update(old, new, priority=priority) == expected


def test_merge_shares_no_dicts_with_its_arguments():
    given = {"a": {"b": {}}}
    rc.merge(given)["a"]["b"]["c"] = 1
    assert given == {"a": {"b": {}}}


# Starting up.


def test_import_parses_no_yaml_and_is_strict_with_our_variables(tmp_path):
    code = "import sys, raskt.config; print('yaml' in sys.modules)"
    done = in_fresh_process(code, HOME=str(tmp_path))
    assert done.stdout.strip() == "False", done.stderr
    failed = in_fresh_process(code, HOME=str(tmp_path), RASKT_MEMORY__LIMITS="1 GB")
    assert "did you mean 'memory.limit'?" in failed.stderr


def test_configuration_folder_of_dask_is_read(tmp_path):
    (tmp_path / "any.yaml").write_text(yaml.safe_dump({"array": {"svg": {"size": 7}}}))
    code = (
        "import raskt.config as c; print(c.get('array.svg.size'), c.PATH, c.FILE_NAME)"
    )
    done = in_fresh_process(code, DASK_CONFIG=str(tmp_path))
    assert done.stdout.split() == ["7", str(tmp_path), "dask.yaml"], done.stderr


def test_dasks_names_are_there():
    dask_config = pytest.importorskip("dask.config")
    names = {
        name
        for name, value in vars(dask_config).items()
        if getattr(value, "__module__", None) == "dask.config" and name[0] != "_"
    }
    assert names <= {*dir(rc)}
