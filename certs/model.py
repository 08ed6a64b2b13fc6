"""The nouns of the bootstrapper: key pairs, how long they live, and what a store holds."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

KEY_TYPES = ("ecdsa", "rsa")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM text as bytes."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long certificates live, and after which part of that life they are renewed."""

    authority: timedelta = timedelta(days=365)
    serving: timedelta = timedelta(days=7)
    renewal: float = 2 / 3

    def __post_init__(self) -> None:
        """Raise ValueError with all that is wrong."""
        faults = [
            f"the {name} lifetime has to be positive, not {lifetime}"
            for name, lifetime in (("authority", self.authority), ("serving", self.serving))
            if lifetime <= timedelta(0)
        ]
        if not 0 < self.renewal < 1:
            faults.append(f"renewal has to be a part of the lifetime between 0 and 1, not {self.renewal}")
        if self.serving > self.authority:
            faults.append(f"the serving lifetime {self.serving} is longer than the authority's {self.authority}")
        if faults:
            raise ValueError("; ".join(faults))


@dataclass(frozen=True, slots=True)
class Settings:
    """What to certify: the names (DNS or IP) that clients know the server by, lifetimes, the key type."""

    names: tuple[str, ...]
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    key_type: str = "ecdsa"

    def __post_init__(self) -> None:
        """Raise ValueError where there is no name or the key type is not known."""
        if not self.names:
            raise ValueError("a serving certificate needs at least one name")
        if self.key_type not in KEY_TYPES:
            raise ValueError(f"key type {self.key_type!r} is not one of {', '.join(KEY_TYPES)}")


@dataclass(frozen=True, slots=True)
class Holding:
    """What a store holds.

    `authority` signed `serving`. During a rotation `upcoming` is the authority that is published but signs nothing yet,
    and `retiring` the certificate of the one before, which clients may still be shown.
    """

    authority: KeyPair
    serving: KeyPair
    upcoming: KeyPair | None = None
    retiring: bytes | None = None

    @property
    def bundle(self) -> bytes:
        """The CA bundle for clients: every certificate that a served one may chain to, in PEM."""
        upcoming = self.upcoming.certificate if self.upcoming else None
        return b"".join(each for each in (self.authority.certificate, upcoming, self.retiring) if each)


@dataclass(frozen=True, slots=True)
class Description:
    """What a certificate says of itself."""

    subject: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    serial: int
    is_authority: bool

    def renewal_time(self, part: float) -> datetime:
        """When `part` of its lifetime has passed."""
        return self.not_before + (self.not_after - self.not_before) * part
