"""National single shift tables: extension characters of a language, named in the header of a message (3GPP TS 23.038, A.2).

Few carriers pass them on, so nothing is sent with them; what arrives with them is read. Languages without a table here
(those of India, 4–13) are read with the standard extension.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from router.text.gsm import BASIC, EXTENSION


def _shift(codes: str, characters: str) -> Mapping[str, str]:
    """The standard extension with a language's own characters over it, keyed by the basic character of the code."""
    own = dict(zip(bytes.fromhex(codes), characters, strict=True))
    return MappingProxyType({BASIC[code]: character for code, character in (dict(EXTENSION) | own).items()})


# Language identifier (3GPP TS 23.040, 9.2.3.24.15) → basic character of the code after the escape → character.
SINGLE_SHIFTS: Final[Mapping[int, Mapping[str, str]]] = MappingProxyType(
    {
        1: _shift("47 49 53 63 67 69 73", "ĞİŞçğ\u0131ş"),  # Turkish
        2: _shift("09 41 49 4F 55 61 69 6F 75", "çÁÍÓÚáíóú"),  # Spanish
        3: _shift(  # Portuguese
            "05 09 0B 0C 0E 0F 12 13 15 16 17 18 19 1F 41 49 4F 55 5B 5C 61 69 6F 75 7B 7C 7F",
            "êçÔôÁáΦΓΩΠΨΣΘÊÀÍÓÚÃÕÂíóúãõâ",
        ),
    }
)
