"""What `injector serve` does with a cluster: follow it, keep its certificates, tell authors of pods."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from threading import Event, RLock, Timer
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from certs.model import Settings
from certs.secret import SecretStore, SecretStoreError
from injector.cluster.access import Access
from injector.cluster.api import CONFIG_MAPS, NODES, ApiServer, ClusterError
from injector.cluster.ca_bundles import Registration
from injector.cluster.client import connect
from injector.cluster.events import EventRecorder, notice_of
from injector.cluster.lease import Lease
from injector.cluster.metrics import ClusterMetrics
from injector.cluster.watch import ClusterWatch, overall
from injector.runtime.certificates import Custody, PairFiles
from injector.runtime.errors import InputError, as_input_error
from injector.runtime.fault_events import CERTIFICATES, CLUSTER, CONFIGURATION, FaultEvents, Reported, Topic
from injector.runtime.options import ClusterOptions
from injector.server.client_auth import ClientAuthority
from injector.server.handler import Answer
from injector.server.run import ServingCertificate
from injector.server.state import Service
from injector.server.telemetry import Telemetry

_FIRST_READ_SECONDS = 10.0
_START_SECONDS = 60.0
_RETRY_SECONDS = 1.0
_FAULT_SECONDS = 5.0
_KEPT_DIGEST = "sidecar-injector.istio.io/configuration"


class ClusterSide:
    """The cluster of `options`, followed for `service` from the start on."""

    def __init__(self, options: ClusterOptions, service: Service, telemetry: Telemetry) -> None:
        """Follow the cluster; reviews wait until it is known. Raises InputError."""
        self._options, self._service, self._telemetry = options, service, telemetry
        self._server = _connected(options)
        self._identity = f"{socket.gethostname()}-{uuid4().hex[:6]}"
        self._metrics = ClusterMetrics(telemetry.registry)
        self._custody: Custody | None = None
        self._lost, self._noting, self._answers = dict[str, float](), RLock(), Event()
        self._watch = ClusterWatch(self._server, service.publish, self._note)
        self._metrics.watch(lambda: self._watch.statuses)
        service.details["cluster"] = self._detail
        self._start()
        self._recorder = EventRecorder(self._server, self._identity, self._metrics)
        self._reported = tuple(map(Reported.of, options.report_to))
        if options.events:
            self._recorder.start()
            self._tell_authors()

    def keep_certificates(
        self, secret: str, settings: Settings, *, competes: bool, clients: ClientAuthority | None = None
    ) -> ServingCertificate:
        """The certificate that the Secret holds from now on; `clients` are those who may call the webhook.

        Raises InputError where the Secret or the authority of the clients cannot be read.

        Of the processes of one replica one `competes` for the lease, and follows the registration as its holder has to.
        """
        options = self._options
        store = SecretStore(self._server.client, options.namespace, secret)
        lease = Lease(self._server, options.namespace, options.lease, self._identity)
        registered = options.webhook_configs if competes else ()
        registration = Registration(self._server, registered, self._revision, self._metrics)
        custody = Custody(store, lease, registration, settings, competes=competes)
        files = _first(custody)
        with as_input_error(OSError):
            certificate = ServingCertificate(files.certificate, files.key, clients)
        custody.start(certificate, self._telemetry, self._metrics)
        self._service.details["certificates"] = custody.detail
        self._custody = custody
        return certificate

    def access(self) -> Access:
        """Who may ask for previews."""
        return Access(self._server, self._options.namespace)

    async def tell_of_faults(self) -> None:
        """Write Events while configuration, certificates or cluster are at fault, as long as the server runs."""
        record = partial(self._recorder.record, always=True)
        events = FaultEvents(self._server, self._options.namespace, self._reported, record)
        while self._options.events and self._reported:
            await asyncio.to_thread(events.look, self._faults())
            await asyncio.sleep(_FAULT_SECONDS)

    def stop(self) -> None:
        """No longer follow the cluster, and leave what others wait for."""
        self._watch.stop()
        if self._custody:
            self._custody.stop()

    def _detail(self) -> Any:
        """How current the cluster is known, as JSON."""
        statuses = self._watch.statuses
        return {**asdict(overall(statuses)), "resources": {name: asdict(each) for name, each in statuses.items()}}

    def _faults(self) -> Mapping[Topic, str]:
        """What is at fault now, empty where nothing is."""
        lost = [f"{each.source}: {each.error}" for each in self._watch.reflectors if each.is_lost]
        return {
            CONFIGURATION: self._service.state.fault,
            CERTIFICATES: self._custody.problem if self._custody else "",
            CLUSTER: "; ".join(lost),
        }

    def _note(self) -> None:
        """Log which resources are no longer followed, and which are again."""
        log = self._telemetry.log
        self._look_what_is_missing()
        with self._noting:
            for reflector in self._watch.reflectors:
                name, status = reflector.source.resource.plural, reflector.status
                if reflector.is_lost and name not in self._lost:
                    self._lost[name] = monotonic()
                    log.warning("cluster lost", resource=name, known=status.objects, message=status.error)
                elif not reflector.is_lost and name in self._lost:
                    seconds = round(monotonic() - self._lost.pop(name), 1)
                    log.info("cluster regained", resource=name, seconds=seconds)

    def _start(self) -> None:
        """Wait a moment for the cluster, which is mostly known at once; later readiness says what is missing."""
        seconds = self._options.wait_seconds
        self._watch.start(0)
        self._look_what_is_missing()
        if not self._answers.wait(min(seconds, _FIRST_READ_SECONDS)):
            self._telemetry.log.warning("waiting for the cluster", message=self._service.waiting)
            timer = Timer(max(seconds - _FIRST_READ_SECONDS, 0), self._give_up)
            timer.daemon = True
            timer.start()

    def _look_what_is_missing(self) -> None:
        """Let reviews be answered once everything is known that decisions need; that is so for good."""
        with self._noting:
            if self._answers.is_set():
                return
            is_auto = self._service.state.setup.config.native_sidecars == "auto"
            needed = {name: each for name, each in self._watch.statuses.items() if is_auto or name != NODES.plural}
            missing = [f"{name}: {each.error}" for name, each in needed.items() if not each.known]
            self._service.waiting = f"the cluster is not known yet: {'; '.join(missing)}" if missing else ""
            if not missing:
                self._answers.set()
                self._telemetry.log.info("cluster known", **{name: each.objects for name, each in needed.items()})

    def _give_up(self) -> None:
        """Do what the operator chose for a cluster that is not known in time."""
        with self._noting:
            if self._answers.is_set():
                return
            then = "serve" if self._options.serves_unknown else "refuse"
            self._telemetry.log.error("cluster not known in time", message=self._service.waiting, then=then)
            if self._options.serves_unknown:
                self._service.waiting = ""
                self._answers.set()

    def _revision(self) -> str:
        return self._service.state.setup.config.revision

    def _tell_authors(self) -> None:
        def observe(answer: Answer) -> None:
            state = self._service.state
            if answer.request is not None and answer.admission is not None:
                notice = notice_of(answer.request, answer.admission, state.setup, state.snapshot)
                if notice is not None:
                    self._recorder.record(notice)

        self._telemetry.observers.append(observe)


class LastGoodConfigMap:
    """The ConfigMap of `options` in which the last good configuration outlives the pod. Methods raise InputError.

    It has to be there: nobody can be allowed to create a ConfigMap of one name only. What it holds goes through every
    check of a configuration, so whoever can write it gains nothing over who writes the configuration itself.
    """

    def __init__(self, options: ClusterOptions) -> None:
        """Nothing is read yet. Raises InputError where there is no cluster to talk to."""
        self._server = _connected(options)
        self._namespace, self._name = options.namespace, options.last_good

    def __str__(self) -> str:
        """For people."""
        return f"ConfigMap {self._namespace}/{self._name}"

    def load(self) -> Mapping[str, str]:
        """What is kept."""
        with as_input_error(ClusterError):
            found = self._server.get(CONFIG_MAPS, self._name, self._namespace)
        data: Mapping[str, str] = found.get("data") or {}
        return data

    def keep(self, data: Mapping[str, str], digest: str) -> None:
        """Keep `data`. Where another replica writes at the same moment one of both stays: both are good."""
        try:
            found = self._server.get(CONFIG_MAPS, self._name, self._namespace)
            if found.get("data") != data:
                metadata = found["metadata"]
                annotations = {**(metadata.get("annotations") or {}), _KEPT_DIGEST: digest}
                kept = {**found, "metadata": {**metadata, "annotations": annotations}, "data": dict(data)}
                self._server.replace(CONFIG_MAPS, kept, self._namespace)
        except ClusterError as error:
            if not error.is_conflict:
                raise InputError(str(error)) from error


def _connected(options: ClusterOptions) -> ApiServer:
    with as_input_error(ClusterError):
        return connect(options.kubeconfig, options.context)


def _first(custody: Custody) -> PairFiles:
    """The first certificate; an API server that is away for a moment is waited for."""
    until = monotonic() + _START_SECONDS
    while True:
        try:
            return custody.first()
        except SecretStoreError as error:
            if monotonic() > until:
                raise InputError(str(error)) from error
            sleep(_RETRY_SECONDS)
