"""The Compose deployment, as far as it can be judged without a container engine: its files, and its scripts run."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from packaging.requirements import Requirement

import airflow_provider_claude
from airflow_provider_claude.simulator.__main__ import build_parser

PROJECT = Path(__file__).resolve().parents[1]
DOCKER = PROJECT / "docker"
PINS = PROJECT / "requirements"
COMPOSE_TEXT = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

OURS = SERVICES["init"]["image"]
AIRFLOW = {"init", "api-server", "scheduler", "dag-processor", "triggerer", "worker"}
LONG_RUNNING = sorted(set(SERVICES) - {"init"})

SECRETS = {
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_API_SECRET",
    "AIRFLOW_ADMIN_PASSWORD",
}
VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?P<rest>[^}]*)\}")


def interpolate(text: str, values: dict[str, str]) -> str:
    """*text* as Compose would read it, for the two forms this project uses."""

    def value(match: re.Match[str]) -> str:
        if values.get(match["name"]):
            return values[match["name"]]
        assert match["rest"].startswith(":-"), f"{match['name']} is required"
        return match["rest"].removeprefix(":-")

    return VARIABLE.sub(value, text).replace("$$", "$")


def example() -> dict[str, str]:
    """The variables of .env.example that are in force, and their values."""
    lines = (PROJECT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))


def pinned(name: str) -> dict[str, str]:
    """The releases that requirements/*name*.txt pins, by package."""
    text = (PINS / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", text, re.MULTILINE))


def is_pinned(image: str) -> bool:
    """Whether the tag names one release: no moving tag such as `latest`, `17` or `7.2-bookworm`."""
    return re.search(r":(slim-)?\d+\.\d+(\.\d+)?(-[a-z]+[\d.]*)?$", image) is not None


def healthcheck_words(service: str) -> list[str]:
    return SERVICES[service]["healthcheck"]["test"]


def test_the_file_follows_the_compose_specification() -> None:
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec", str(PROJECT / "docker-compose.yaml")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_deployment_has_every_part_of_airflow_and_the_simulator() -> None:
    assert set(SERVICES) == AIRFLOW | {"postgres", "redis", "simulator"}


def test_there_are_two_workers_unless_set_otherwise() -> None:
    assert interpolate(SERVICES["worker"]["deploy"]["replicas"], {}) == "2"


@pytest.mark.parametrize("service", SERVICES)
def test_every_image_is_pinned_to_one_release(service: str) -> None:
    image = SERVICES[service]["image"]
    name, _, tag = image.partition(":")
    assert is_pinned(image), image
    # Redis and Airflow number their releases in three parts, PostgreSQL in two.
    assert tag.count(".") == (1 if name == "postgres" else 2), image


def test_the_images_the_dockerfile_starts_from_are_pinned_and_the_same() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?", (DOCKER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    bases = {image for image, _ in stages} - {stage for _, stage in stages}
    assert len(bases) == 1
    assert is_pinned(*bases), bases


def test_the_base_image_the_requirements_and_their_source_agree_on_airflow() -> None:
    base = re.search(r":slim-([\d.]+)-", (DOCKER / "Dockerfile").read_text(encoding="utf-8"))
    assert base is not None
    assert pinned("image")["apache-airflow"] == base[1]
    assert f"=={base[1]}" in (PINS / "image.in").read_text(encoding="utf-8")


def test_our_own_image_carries_the_version_of_the_package() -> None:
    assert f"airflow-provider-claude:{airflow_provider_claude.__version__}" == OURS


def test_the_image_pins_every_dependency_of_the_package_within_its_bounds() -> None:
    pins = pinned("image")
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for text in [*project["dependencies"], *project["optional-dependencies"]["simulator"], "celery<5.7"]:
        needed = Requirement(text)
        assert needed.specifier.contains(pins[needed.name.lower()]), text


def test_every_package_of_the_image_is_installed_by_its_hash() -> None:
    text = (PINS / "image.txt").read_text(encoding="utf-8")
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(packages) > 150
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    installs = re.findall(r"pip install (?:.*\\\n)?.*", (DOCKER / "Dockerfile").read_text(encoding="utf-8"))
    assert all("--require-hashes" in install or "--no-index" in install for install in installs), installs


def test_pinning_the_images_writes_the_digest_behind_each_tag_and_does_so_again(tmp_path: Path) -> None:
    for name in ("docker-compose.yaml", "docker/Dockerfile", "docker/pin-images.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()

    def pin(digest: str) -> tuple[list[str], str]:
        engine.write_text(f"#!/bin/sh\necho sha256:{digest}\n")
        engine.chmod(0o755)
        path = f"{engine.parent}:{os.environ['PATH']}"
        subprocess.run([tmp_path / "docker/pin-images.sh"], check=True, capture_output=True, env={"PATH": path})
        services = yaml.safe_load((tmp_path / "docker-compose.yaml").read_text())["services"]
        return sorted({service["image"] for service in services.values()}), (tmp_path / "docker/Dockerfile").read_text()

    for digest in ("ab" * 32, "cd" * 32):
        images, dockerfile = pin(digest)
        assert images == [
            OURS,
            f"{SERVICES['postgres']['image']}@sha256:{digest}",
            f"{SERVICES['redis']['image']}@sha256:{digest}",
        ]
        assert dockerfile.count("@sha256:") == 1
        assert re.search(rf"^FROM apache/airflow:\S+@sha256:{digest} AS base$", dockerfile, re.MULTILINE)


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_every_long_running_service_has_a_health_check_and_comes_back_after_a_crash(service: str) -> None:
    check = SERVICES[service]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)
    assert SERVICES[service]["restart"] == "unless-stopped"


def test_the_init_step_runs_once_and_everything_of_airflow_waits_for_it() -> None:
    assert SERVICES["init"]["restart"] == "no"
    for service in AIRFLOW - {"init"}:
        assert SERVICES[service]["depends_on"]["init"] == {"condition": "service_completed_successfully"}


def test_nothing_depends_on_a_service_without_the_health_check_it_waits_for() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            assert wait["condition"] == ("service_completed_successfully" if name == "init" else "service_healthy")
            assert name == "init" or "healthcheck" in SERVICES[name]


def test_python_in_a_health_check_is_valid_and_asks_the_port_its_service_listens_on() -> None:
    ports = {
        "api-server": ":8080/",
        "scheduler": ":8974/",
        "dag-processor": "api-server:8080/",
        "triggerer": "api-server:8080/",
        "simulator": ":8765/",
    }
    for service, port in ports.items():
        assert healthcheck_words(service)[:3] == ["CMD", "python", "-c"]
        ast.parse(healthcheck_words(service)[3])
        assert port in healthcheck_words(service)[3]


def test_no_secret_is_written_down() -> None:
    values = [value for service in SERVICES.values() for value in service.get("environment", {}).items()]
    secret = [
        (name, value) for name, value in values if re.search("PASSWORD|SECRET|_KEY|AUTH$|CONN|_URL|BACKEND", name)
    ]
    assert secret
    for name, value in secret:
        without_variables = VARIABLE.sub("", value)
        assert VARIABLE.search(value) or name == "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", name
        assert not re.search(r"[A-Za-z0-9+/_-]{20,}={0,2}$", without_variables), name
        assert not re.search(r"://\w*:\w+@", without_variables), name
    assert not re.search(r"sk-ant-", COMPOSE_TEXT)


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_a_missing_secret_stops_compose_with_a_sentence(secret: str) -> None:
    uses = [match["rest"] for match in VARIABLE.finditer(COMPOSE_TEXT) if match["name"] == secret]
    assert uses
    assert all(re.fullmatch(r":\?.+", rest) for rest in uses), uses


def test_the_example_environment_has_no_value_for_any_secret() -> None:
    values = example()
    assert {name: values[name] for name in SECRETS | {"ANTHROPIC_API_KEY"}} == dict.fromkeys(
        SECRETS | {"ANTHROPIC_API_KEY"}, ""
    )


def test_the_example_environment_names_every_variable_and_no_other() -> None:
    text = (PROJECT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?(\w+)=", text, re.MULTILINE))
    assert named == {match["name"] for match in VARIABLE.finditer(COMPOSE_TEXT)}


def test_the_defaults_in_the_example_environment_are_those_of_the_compose_file() -> None:
    text = (PROJECT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#(\w+)=(.*)$", text, re.MULTILINE))
    used = {match["name"]: match["rest"].removeprefix(":-") for match in VARIABLE.finditer(COMPOSE_TEXT)}
    assert shown == {name: used[name] for name in shown}


@pytest.mark.parametrize(
    "setting",
    [
        "AIRFLOW__API_AUTH__JWT_SECRET",
        "AIRFLOW__API__SECRET_KEY",
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "AIRFLOW__CELERY__BROKER_URL",
        "AIRFLOW__CELERY__RESULT_BACKEND",
        "AIRFLOW__CLAUDE__ROOT",
    ],
)
def test_all_of_airflow_shares_one_value_of(setting: str) -> None:
    assert len({SERVICES[service]["environment"][setting] for service in AIRFLOW}) == 1


def test_every_address_in_a_setting_is_a_service() -> None:
    env = SERVICES["scheduler"]["environment"]
    addresses = [env[name] for name in env if name.endswith(("_CONN", "_BACKEND", "_URL"))]
    hosts = {urlsplit(VARIABLE.sub("8080", address)).hostname for address in addresses}
    assert hosts == {"postgres", "redis", "api-server", "localhost"}


def test_all_of_airflow_and_the_simulator_run_one_image_as_one_user_that_is_not_root() -> None:
    for service in AIRFLOW | {"simulator"}:
        assert (SERVICES[service]["image"], SERVICES[service]["user"]) == (OURS, "50000:0")


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_is_root_or_can_become_it(service: str) -> None:
    assert SERVICES[service]["user"].split(":")[0] not in {"", "0", "root"}
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]


def test_the_api_server_alone_publishes_a_port_and_only_on_the_loopback_interface() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["api-server"]
    assert all(port.startswith("127.0.0.1:") for port in published["api-server"])


def test_database_broker_and_simulator_stand_in_a_network_without_a_way_out() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for service in ("postgres", "redis", "simulator", "init"):
        assert SERVICES[service]["networks"] == ["inside"]


def test_only_workers_the_triggerer_and_the_init_step_reach_the_data_and_they_reach_the_same() -> None:
    mounts = {
        name: [mount for mount in service.get("volumes", []) if mount.endswith(":/opt/airflow/claude")]
        for name, service in SERVICES.items()
    }
    assert {name for name, found in mounts.items() if found} == {"init", "triggerer", "worker"}
    assert mounts["init"] == mounts["worker"]


def test_every_named_volume_is_declared_and_used() -> None:
    mounts = [interpolate(mount, {}) for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert {mount.split(":")[0] for mount in mounts if not mount.startswith(".")} == set(COMPOSE["volumes"])


def test_the_dags_are_read_only_in_every_container() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", []) if "/dags" in mount]
    assert mounts
    assert all(mount.endswith(":ro") for mount in mounts)


def test_the_simulator_is_started_with_arguments_it_takes_where_the_init_step_looks_for_it() -> None:
    words = [interpolate(word, {}) for word in SERVICES["simulator"]["command"]]
    args = build_parser().parse_args(words)
    assert (args.host, args.pace.text) == ("0.0.0.0", "seconds:30")
    assert f"http://simulator:{args.port}" in (DOCKER / "init.sh").read_text(encoding="utf-8")


def test_the_builder_is_sent_everything_the_dockerfile_copies_and_no_environment() -> None:
    allowed = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in allowed
    copies = re.findall(r"^COPY --chown=\S+ (docker/.+) \S+$", (DOCKER / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    for path in [*" ".join(copies).split(), "pyproject.toml", "README.md", "LICENSE", "airflow_provider_claude"]:
        assert f"!{path}" in allowed
        assert (PROJECT / path).exists()
    assert not any(".env" in line for line in allowed if line.startswith("!"))


def test_the_viewer_role_may_change_nothing_but_its_own_profile() -> None:
    roles = json.loads((DOCKER / "roles.json").read_text(encoding="utf-8"))
    changing = {role["resource"] for role in roles if re.search("create|edit|delete", role["action"])}
    assert {role["name"] for role in roles} == {"etl_viewer"}
    assert changing == {"My Password", "My Profile"}


def run_init(tmp_path: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], list[list[str]], Any]:
    """Run init.sh with an `airflow` that only notes how it is called.

    Returns the outcome, the calls, and the connections it was given.
    """
    commands = tmp_path / "bin"
    commands.mkdir()
    airflow = commands / "airflow"
    airflow.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "with (here / 'calls').open('a') as calls:\n"
        "    calls.write(json.dumps(sys.argv[1:]) + '\\n')\n"
        "if sys.argv[1:3] == ['connections', 'import']:\n"
        "    (here / 'connections').write_text(pathlib.Path(sys.argv[-1]).read_text())\n",
        encoding="utf-8",
    )
    airflow.chmod(0o755)
    (commands / "python").symlink_to(sys.executable)
    outcome = subprocess.run(
        ["bash", str(DOCKER / "init.sh")],
        env={
            "PATH": f"{commands}:{os.defpath}",
            "TMPDIR": str(tmp_path),
            "AIRFLOW__CLAUDE__ROOT": str(tmp_path / "claude"),
            "AIRFLOW_ADMIN_PASSWORD": "not a real one",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    called, given = tmp_path / "calls", tmp_path / "connections"
    calls = [json.loads(line) for line in called.read_text().splitlines()] if called.exists() else []
    return outcome, calls, json.loads(given.read_text()) if given.exists() else None


def test_the_init_step_migrates_connects_pools_and_makes_roles_and_the_admin(tmp_path: Path) -> None:
    outcome, calls, _ = run_init(tmp_path, CLAUDE_API="simulator")
    assert outcome.returncode == 0, outcome.stderr
    assert [call[:2] for call in calls] == [
        ["db", "migrate"],
        ["connections", "import"],
        ["pools", "set"],
        ["pools", "set"],
        ["roles", "import"],
        ["users", "create"],
    ]
    assert (tmp_path / "claude" / "mail").is_dir()


def test_the_pool_of_the_sync_lane_is_one_that_the_init_step_makes(tmp_path: Path) -> None:
    _, calls, _ = run_init(tmp_path, CLAUDE_API="simulator")
    made = [call[2:4] for call in calls if call[:2] == ["pools", "set"]]
    assert [SERVICES["scheduler"]["environment"]["AIRFLOW__CLAUDE__SYNC_POOL"], "1"] in made


def test_an_object_store_as_root_makes_no_local_folder_of_its_name(tmp_path: Path) -> None:
    root = "s3://aws_default@bucket/claude/simulator"
    outcome, _, _ = run_init(tmp_path, CLAUDE_API="simulator", AIRFLOW__CLAUDE__ROOT=root)
    assert outcome.returncode == 0, outcome.stderr
    assert "claude-batch check" in outcome.stdout
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith("s3:")]


def test_one_service_builds_the_image_and_the_others_never_look_for_it_elsewhere() -> None:
    ours = {name: service for name, service in SERVICES.items() if service["image"] == OURS}
    assert [name for name, service in ours.items() if "build" in service] == ["init"]
    assert {service["pull_policy"] for name, service in ours.items() if name != "init"} == {"never"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_limit_of_memory(service: str) -> None:
    assert re.fullmatch(r"\d+[mg]", interpolate(SERVICES[service]["mem_limit"], {}))


def test_the_switch_on_simulator_connects_to_the_simulator_even_where_a_real_key_is_set(tmp_path: Path) -> None:
    _, _, connections = run_init(tmp_path, CLAUDE_API="simulator", ANTHROPIC_API_KEY="the-real-key")
    assert connections["anthropic_default"]["host"] == "http://simulator:8765"
    assert connections["anthropic_default"]["conn_type"] == "anthropic"
    assert "the-real-key" not in str(connections)


def test_the_switch_on_real_connects_to_the_api_with_the_key_and_no_host(tmp_path: Path) -> None:
    key = 'quotes " and \\ and $HOME survive'
    outcome, calls, connections = run_init(tmp_path, CLAUDE_API="real", ANTHROPIC_API_KEY=key)
    assert connections == {"anthropic_default": {"conn_type": "anthropic", "password": key}}
    assert key not in outcome.stdout + outcome.stderr + str(calls)
    assert not list(tmp_path.glob("tmp*")), "the file with the key is gone"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"CLAUDE_API": "real"}, "needs ANTHROPIC_API_KEY"),
        ({"CLAUDE_API": "real", "ANTHROPIC_API_KEY": ""}, "needs ANTHROPIC_API_KEY"),
        ({"CLAUDE_API": "Real"}, "must be simulator or real"),
        ({}, "must be simulator or real"),
    ],
)
def test_a_wrong_switch_fails_before_anything_is_touched(
    tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    outcome, calls, _ = run_init(tmp_path, **environment)
    assert outcome.returncode != 0
    assert said in outcome.stderr
    assert calls == []


def test_the_key_of_the_real_api_reaches_the_init_step_only() -> None:
    assert [name for name, service in SERVICES.items() if "ANTHROPIC_API_KEY" in str(service)] == ["init"]


def test_the_switch_gives_each_api_a_root_of_its_own_and_is_off_by_default() -> None:
    root = SERVICES["worker"]["environment"]["AIRFLOW__CLAUDE__ROOT"]
    assert interpolate(root, {}) == interpolate(root, example()) == "/opt/airflow/claude/simulator"
    assert interpolate(root, {"CLAUDE_API": "real"}) == "/opt/airflow/claude/real"
    assert interpolate(SERVICES["init"]["environment"]["CLAUDE_API"], {}) == "simulator"


@pytest.fixture
def made_environment(tmp_path: Path) -> Path:
    """A folder in which make-env.sh has run."""
    (tmp_path / "docker").mkdir()
    shutil.copy(DOCKER / "make-env.sh", tmp_path / "docker")
    shutil.copy(PROJECT / ".env.example", tmp_path)
    subprocess.run(["sh", "docker/make-env.sh"], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_the_made_environment_has_different_secrets_that_fit_their_use(made_environment: Path) -> None:
    from cryptography.fernet import Fernet

    lines = (made_environment / ".env").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))
    assert len({values[name] for name in SECRETS}) == len(SECRETS)
    Fernet(values["AIRFLOW_FERNET_KEY"])
    assert all(re.fullmatch("[0-9a-f]{64}", values[name]) for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"))
    assert (values["CLAUDE_API"], values["ANTHROPIC_API_KEY"]) == ("simulator", "")


def test_the_made_environment_is_readable_by_its_owner_only(made_environment: Path) -> None:
    assert (made_environment / ".env").stat().st_mode & 0o077 == 0


def test_an_environment_that_exists_is_never_overwritten(made_environment: Path) -> None:
    before = (made_environment / ".env").read_bytes()
    again = subprocess.run(["sh", "docker/make-env.sh"], cwd=made_environment, capture_output=True, check=False)
    assert again.returncode != 0
    assert (made_environment / ".env").read_bytes() == before


def test_the_whole_file_can_be_interpolated_with_the_made_environment(made_environment: Path) -> None:
    lines = (made_environment / ".env").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))
    assert "${" not in interpolate(COMPOSE_TEXT, values)


def test_no_file_of_the_deployment_names_a_registry_host() -> None:
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", (DOCKER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert not any("." in image.partition("/")[0] for image in images if "/" in image)
