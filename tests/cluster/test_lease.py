"""The Lease: one replica holds it, it passes on when that one is gone, and everybody says what they serve."""

from collections.abc import Iterator

import pytest

from injector.cluster.api import ApiServer, ClusterError
from injector.cluster.lease import HOLD_SECONDS, Lease, fingerprint
from tests.cluster.keeping import Keeper, keeping

PATH = "/apis/coordination.k8s.io/v1/namespaces/mesh/leases/injector"
OLD, NEW = b"old certificate", b"new certificate"


class Replicas:
    """Replicas of one injector, and the clock that they all see."""

    def __init__(self, server: ApiServer, keeper: Keeper) -> None:
        self._server, self.keeper, self.now = server, keeper, 100.0

    def joined(self, identity: str) -> Lease:
        return Lease(self._server, "mesh", "injector", identity, lambda: self.now)

    @property
    def holder(self) -> str:
        found: str = self.keeper.objects[PATH]["spec"]["holderIdentity"]
        return found

    @property
    def told(self) -> dict[str, str]:
        """What each replica says that it serves."""
        annotations = self.keeper.objects[PATH]["metadata"]["annotations"]
        return {key.partition("/")[2]: value.split(" ")[0] for key, value in annotations.items()}


@pytest.fixture
def replicas() -> Iterator[Replicas]:
    """A cluster without a Lease."""
    with keeping() as (server, keeper):
        yield Replicas(server, keeper)


def test_who_comes_first_holds_it_and_goes_on_to(replicas: Replicas) -> None:
    first, second = replicas.joined("a"), replicas.joined("b")
    for _ in range(10):
        assert (first.renew(OLD), second.renew(OLD)) == (True, False)
        replicas.now += HOLD_SECONDS - 1
    assert replicas.holder == "a"


def test_of_two_that_create_it_at_once_one_holds_it(replicas: Replicas) -> None:
    first, second = replicas.joined("a"), replicas.joined("b")
    won: list[bool] = []
    replicas.keeper.before("POST", lambda: won.append(second.renew(OLD)))
    assert (first.renew(OLD), won) == (False, [True])
    assert (first.renew(OLD), second.renew(OLD)) == (False, True)


def test_it_passes_on_when_its_holder_has_not_renewed_it_for_a_while(replicas: Replicas) -> None:
    first, second = replicas.joined("a"), replicas.joined("b")
    first.renew(OLD)
    second.renew(OLD)
    replicas.now += HOLD_SECONDS
    assert not second.renew(OLD)
    replicas.now += 0.1
    assert second.renew(OLD)
    assert not first.renew(OLD)
    assert replicas.holder == "b"


def test_who_sees_it_for_the_first_time_waits_whatever_its_age_says(replicas: Replicas) -> None:
    """Clocks of other machines play no part: only what this replica has seen for itself."""
    first = replicas.joined("a")
    first.renew(OLD)
    replicas.now += 1000
    late = replicas.joined("b")
    assert not late.renew(OLD)
    replicas.now += HOLD_SECONDS + 1
    assert late.renew(OLD)


def test_of_two_that_take_over_at_once_one_holds_it(replicas: Replicas) -> None:
    gone, second, third = (replicas.joined(each) for each in "abc")
    for each in (gone, second, third):
        each.renew(OLD)
    replicas.now += HOLD_SECONDS + 1
    won: list[bool] = []
    replicas.keeper.before("PUT", lambda: won.append(third.renew(OLD)))
    assert (second.renew(OLD), won) == (False, [True])
    assert replicas.holder == "c"


def test_a_holder_whom_another_one_s_word_came_before_still_holds_it(replicas: Replicas) -> None:
    first, second = replicas.joined("a"), replicas.joined("b")
    first.renew(OLD)
    replicas.keeper.before("PUT", lambda: second.renew(NEW))
    assert first.renew(NEW)
    assert replicas.holder == "a"
    assert replicas.told["b"] == fingerprint(NEW)


def test_a_holder_that_slept_while_another_one_took_over_no_longer_holds_it(replicas: Replicas) -> None:
    first, second = replicas.joined("a"), replicas.joined("b")
    first.renew(OLD)
    second.renew(OLD)
    replicas.now += HOLD_SECONDS + 1
    won: list[bool] = []
    replicas.keeper.before("PUT", lambda: won.append(second.renew(OLD)))
    assert (first.renew(OLD), won) == (False, [True])


@pytest.mark.parametrize(("method", "status"), [("GET", 403), ("PUT", 403), ("PUT", 500)])
def test_a_renewal_that_is_refused_is_told(replicas: Replicas, method: str, status: int) -> None:
    first = replicas.joined("a")
    first.renew(OLD)
    replicas.keeper.refusing[method] = status
    with pytest.raises(ClusterError, match=str(status)):
        first.renew(OLD)
    replicas.keeper.refusing.clear()
    assert first.renew(OLD)


def test_who_leaves_as_holder_makes_way_at_once(replicas: Replicas) -> None:
    first, second = replicas.joined("a"), replicas.joined("b")
    first.renew(OLD)
    second.renew(OLD)
    first.release()
    assert second.renew(OLD)
    assert (replicas.holder, set(replicas.told)) == ("b", {"b"})


def test_who_leaves_without_holding_it_leaves_the_holder(replicas: Replicas) -> None:
    first, second = replicas.joined("a"), replicas.joined("b")
    first.renew(OLD)
    second.renew(OLD)
    second.release()
    assert (replicas.holder, set(replicas.told)) == ("a", {"a"})


def test_all_show_a_certificate_when_every_replica_that_lives_has_said_so(replicas: Replicas) -> None:
    first, second = replicas.joined("a"), replicas.joined("b")
    first.renew(OLD)
    second.renew(OLD)
    first.renew(NEW)
    assert (first.all_show(OLD), first.all_show(NEW)) == (False, False)
    second.renew(NEW)
    first.renew(NEW)
    assert first.all_show(NEW)


def test_a_replica_that_says_nothing_any_more_is_not_waited_for_and_its_word_goes(replicas: Replicas) -> None:
    first, second = replicas.joined("a"), replicas.joined("b")
    first.renew(OLD)
    second.renew(OLD)
    for _ in range(12):
        replicas.now += 2
        first.renew(NEW)
    assert first.all_show(NEW)
    assert replicas.told.keys() == {"a"}


def test_what_others_put_on_it_stays(replicas: Replicas) -> None:
    first = replicas.joined("a")
    first.renew(OLD)
    kept = replicas.keeper.objects[PATH]
    metadata = {**kept["metadata"], "annotations": {**kept["metadata"]["annotations"], "team": "mesh"}}
    replicas.keeper.put(PATH, {**kept, "metadata": metadata})
    first.renew(OLD)
    assert replicas.keeper.objects[PATH]["metadata"]["annotations"]["team"] == "mesh"


def test_who_does_not_compete_never_holds_it_but_has_its_word(replicas: Replicas) -> None:
    quiet, first = replicas.joined("quiet"), replicas.joined("a")
    assert not quiet.renew(OLD, competes=False)
    assert PATH not in replicas.keeper.objects
    first.renew(NEW)
    assert not quiet.renew(OLD, competes=False)
    first.renew(NEW)
    assert not first.all_show(NEW)
    first.release()
    replicas.now += HOLD_SECONDS + 1
    assert not quiet.renew(OLD, competes=False)
    assert (replicas.holder, set(replicas.told)) == ("", {"quiet"})


def test_a_lease_that_was_deleted_is_made_anew(replicas: Replicas) -> None:
    first = replicas.joined("a")
    first.renew(OLD)
    replicas.keeper.remove(PATH)
    assert first.renew(OLD)
    assert replicas.holder == "a"
