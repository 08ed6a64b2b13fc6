"""The Secret as a store: one winner of every race, and nothing of use is ever overwritten."""

import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException

from certs.authority import pair_faults
from certs.model import Holding, Settings
from certs.rotation import ensure, renewed_serving
from certs.secret import SecretStore, SecretStoreError, holding_in
from injector.cluster.api import ApiServer
from tests.cluster.answering import answering
from tests.cluster.keeping import Keeper, keeping

SETTINGS = Settings(names=("a.svc",))
COLLECTION = "/api/v1/namespaces/mesh/secrets"
PATH = f"{COLLECTION}/certificates"


@pytest.fixture
def reached() -> Iterator[tuple[ApiServer, Keeper]]:
    """A cluster without any Secret."""
    with keeping() as (server, keeper):
        yield server, keeper


@pytest.fixture
def keeper(reached: tuple[ApiServer, Keeper]) -> Keeper:
    return reached[1]


@pytest.fixture
def store(reached: tuple[ApiServer, Keeper]) -> SecretStore:
    return SecretStore(reached[0].client, "mesh", "certificates")


def now() -> datetime:
    return datetime.now(UTC)


def made(store: SecretStore) -> Holding:
    return ensure(store, SETTINGS, now())


def renewed(held: Holding | None) -> Holding:
    assert held is not None
    return renewed_serving(held, SETTINGS, now())


def test_what_was_kept_is_found_again_and_not_written_twice(store: SecretStore, keeper: Keeper) -> None:
    assert store.load() is None
    held = made(store)
    assert (store.load(), made(store)) == (held, held)
    (written,) = keeper.asked("POST", "PUT")
    assert (written.path, written.body["type"]) == (COLLECTION, "kubernetes.io/tls")
    assert b64decode(written.body["data"]["tls.crt"]) == held.serving.certificate


def test_of_two_that_find_nothing_the_first_to_create_wins_and_the_other_takes_what_is_there(
    store: SecretStore, keeper: Keeper
) -> None:
    winners: list[Holding] = []
    keeper.before("POST", lambda: winners.append(made(store)))
    assert made(store) == winners[0]
    assert store.load() == winners[0]


def test_a_step_made_from_what_is_no_longer_kept_is_taken_again_from_what_is(
    store: SecretStore, keeper: Keeper
) -> None:
    first = made(store)
    seen: list[Holding | None] = []
    others: list[Holding] = []

    def step(held: Holding | None) -> Holding:
        seen.append(held)
        return renewed(held)

    keeper.before("PUT", lambda: others.append(store.update(renewed)))
    mine = store.update(step)
    assert seen == [first, others[0]]
    assert store.load() == mine


def test_a_secret_deleted_between_reading_and_writing_is_made_anew(store: SecretStore, keeper: Keeper) -> None:
    made(store)
    seen: list[Holding | None] = []

    def step(held: Holding | None) -> Holding:
        seen.append(held)
        return renewed(held) if held else first

    first = renewed(store.load())
    keeper.before("PUT", lambda: keeper.remove(PATH))
    assert store.update(step) == first
    assert seen[1] is None
    assert store.load() == first


def test_who_never_comes_first_gives_up_with_a_word(store: SecretStore, keeper: Keeper) -> None:
    made(store)

    def touched(held: Holding | None) -> Holding:
        keeper.put(PATH, keeper.objects[PATH])
        return renewed(held)

    with pytest.raises(SecretStoreError, match="Secret mesh/certificates: 10 times somebody else wrote first"):
        store.update(touched)


def test_what_others_put_on_the_secret_stays(store: SecretStore, keeper: Keeper) -> None:
    made(store)
    kept = keeper.objects[PATH]
    keeper.put(PATH, {**kept, "metadata": {**kept["metadata"], "labels": {"team": "mesh"}}})
    store.update(renewed)
    assert keeper.objects[PATH]["metadata"]["labels"] == {"team": "mesh"}


@pytest.mark.parametrize(
    ("damaged", "keeps_authority"),
    [
        ({"tls.key": b64encode(b"no key").decode()}, True),
        ({"tls.crt": b64encode(b"no certificate").decode()}, True),
        ({"authority.key": b64encode(b"no key").decode()}, False),
        ({"tls.key": "not base64"}, False),
        ({"authority.crt": ""}, False),
    ],
    ids=["key", "certificate", "authority", "encoding", "missing"],
)
def test_damaged_content_is_replaced_and_a_good_authority_stays(
    store: SecretStore, keeper: Keeper, damaged: dict[str, str], keeps_authority: bool
) -> None:
    before = made(store)
    kept = keeper.objects[PATH]
    keeper.put(PATH, {**kept, "data": {**kept["data"], **damaged}})
    after = made(store)
    assert (after.authority == before.authority) == keeps_authority
    assert pair_faults(after.serving) == []
    assert store.load() == after


def test_a_secret_without_data_holds_nothing() -> None:
    assert holding_in({}) is None


@pytest.mark.parametrize(
    ("method", "act", "message"),
    [
        ("GET", SecretStore.load, "Secret mesh/certificates: cannot be read: 403"),
        ("POST", made, "Secret mesh/certificates: cannot be written: 500"),
    ],
)
def test_a_refusal_names_the_secret_and_what_the_api_server_said(
    store: SecretStore, keeper: Keeper, method: str, act: Callable[[SecretStore], object], message: str
) -> None:
    keeper.refusing[method] = int(message[-3:])
    with pytest.raises(SecretStoreError, match=message):
        act(store)


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}", b'{"kind": "Status", "metadata": {}}'])
def test_a_garbled_answer_makes_no_new_authority(answer: bytes) -> None:
    with answering([answer]) as (server, script):
        store = SecretStore(server.client, "mesh", "certificates")
        with pytest.raises(SecretStoreError, match="cannot be read: the answer is not a Secret"):
            made(store)
        assert [request[0] for request in script.requests] == ["GET"]


def test_a_token_that_cannot_be_read_is_told() -> None:
    """Tokens of pods are short-lived: the client reads the file again once a minute."""

    def unreadable(_: Configuration) -> None:
        raise ConfigException("Token file exists but empty.")

    configuration = Configuration()
    configuration.api_key["BearerToken"] = "bearer old"
    configuration.refresh_api_key_hook = unreadable
    store = SecretStore(ApiClient(configuration), "mesh", "certificates")
    with pytest.raises(SecretStoreError, match="cannot be read: Token file exists but empty"):
        store.load()


def test_an_api_server_that_cannot_be_reached_is_told() -> None:
    configuration = Configuration()
    configuration.host, configuration.retries = "http://127.0.0.1:1", False
    with pytest.raises(SecretStoreError, match=r"cannot be read: .*refused"):
        SecretStore(ApiClient(configuration), "mesh", "certificates").load()


def test_the_models_of_every_kind_stay_unloaded() -> None:
    """They take 22 MB in each worker."""
    program = "import sys, certs.secret; print(*[each for each in sys.modules if each.endswith('models.v1_pod_spec')])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not done.stdout.strip()
