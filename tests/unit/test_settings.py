"""Settings: defaults, variables, overrides, and errors that name what is wrong."""

import pytest

from headwater.errors import InvalidParameter
from headwater.settings import Settings, default_database


def test_the_defaults_are_for_one_machine() -> None:
    settings = Settings.load({})
    assert (settings.host, settings.port, settings.insecure) == ("127.0.0.1", 8080, False)
    assert settings.database == default_database()
    assert settings.database.endswith("headwater.db")


def test_variables_set_and_overrides_win() -> None:
    env = {
        "HEADWATER_PORT": "9000",
        "HEADWATER_STRICT": "true",
        "HEADWATER_INSECURE": "1",
        "HEADWATER_RATE": "2.5",
        "HEADWATER_LOG_FORMAT": "console",
        "HEADWATER_HOST": "",
        "PORT": "1",
    }
    settings = Settings.load(env, port=9001, host=None)
    assert (settings.port, settings.host) == (9001, "127.0.0.1")
    assert (settings.strict, settings.insecure, settings.rate) == (True, True, 2.5)
    assert settings.log_format == "console"


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("HEADWATER_PORT", "http", "int"),
        ("HEADWATER_PORT", "70000", "65535"),
        ("HEADWATER_STRICT", "perhaps", "bool"),
        ("HEADWATER_LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("HEADWATER_RATE", "nan", "float"),
        ("HEADWATER_RATE", "inf", "1000000000"),
        ("HEADWATER_HEAD_TIMEOUT", "0", "> 0"),
        ("HEADWATER_BODY_BYTES", "32MB", "int"),
    ],
)
def test_an_error_names_the_variable_and_the_reason(variable: str, value: str, reason: str) -> None:
    with pytest.raises(InvalidParameter, match=reason) as caught:
        Settings.load({variable: value})
    assert caught.value.name == variable
    assert value in str(caught.value)


def test_an_unknown_override_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="colour"):
        Settings.load({}, colour="red")


def test_every_setting_is_described() -> None:
    described = Settings.describe()
    assert [setting.name for setting in described] == list(Settings.__struct_fields__)
    for setting in described:
        assert setting.text.endswith((".", "folder."))
        assert setting.variable == "HEADWATER_" + setting.name.upper()
        assert setting.default or setting.name in {"database", "key_file", "connection_map"}
    level = next(setting for setting in described if setting.name == "log_level")
    assert (level.type, level.default) == ("debug | info | warning | error", "info")
