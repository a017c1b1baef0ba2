"""Which AWS account and region a domain stands for, where events do not say them."""

import re
from typing import NamedTuple

from headwater.errors import InvalidParameter

_ENTRY = re.compile(r"(?:([^\s=]+)=)?(\d{12})/([a-z0-9-]{1,32})")
SETTING = "HEADWATER_DATAZONE_ACCOUNTS"


class Account(NamedTuple):
    number: str
    region: str


class Accounts:
    """Read from `ACCOUNT/REGION`, and `DOMAIN=ACCOUNT/REGION` for single domains.

    Raises:
        InvalidParameter: the text has another form.
    """

    def __init__(self, text: str) -> None:
        self._of: dict[str | None, Account] = {None: Account("000000000000", "us-east-1")}
        for word in text.split():
            match = _ENTRY.fullmatch(word)
            if match is None:
                raise InvalidParameter(
                    SETTING, f"{word!r} is not ACCOUNT/REGION or DOMAIN=ACCOUNT/REGION"
                )
            self._of[match[1]] = Account(match[2], match[3])

    def of(self, domain: str) -> Account:
        return self._of.get(domain) or self._of[None]
