"""The Go types of a Pod, as templates see them.

Source: the structs of https://pkg.go.dev/k8s.io/api/core/v1 and https://pkg.go.dev/k8s.io/apimachinery/pkg/apis/meta/v1.
"""

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_UP, Decimal, InvalidOperation
from functools import cache, partial
from typing import Any

from injector.core.quantity import canonical_quantity, decimal_value
from injector.core.render.go.values import Field, MethodMap, NilPointer, Read, StringMap, Struct, StructType

# One type after the other, with its fields in order: `Name=key:type`, where the key is the name with a small first
# letter and the type is text unless something else is said. `!` marks fields that are written even where they are
# zero, `+` an embedded struct, `*` a pointer, `[]` a list, `{}` a map.
_TABLE = """
ObjectMeta: Name GenerateName Namespace SelfLink UID=uid ResourceVersion Generation:int CreationTimestamp:Time
  DeletionTimestamp:*Time DeletionGracePeriodSeconds:*int Labels{} Annotations{} OwnerReferences:[]OwnerReference
  Finalizers[] ManagedFields:[]ManagedFieldsEntry
OwnerReference: APIVersion=apiVersion! Kind! Name! UID=uid! Controller:*bool BlockOwnerDeletion:*bool
ManagedFieldsEntry: Manager Operation APIVersion=apiVersion Time:*Time FieldsType FieldsV1:*FieldsV1 Subresource
PodSpec: Volumes:[]Volume InitContainers:[]Container Containers:[]Container!
  EphemeralContainers:[]EphemeralContainer RestartPolicy TerminationGracePeriodSeconds:*int
  ActiveDeadlineSeconds:*int DNSPolicy=dnsPolicy NodeSelector{} ServiceAccountName
  DeprecatedServiceAccount=serviceAccount AutomountServiceAccountToken:*bool NodeName HostNetwork:bool HostPID:bool
  HostIPC:bool ShareProcessNamespace:*bool SecurityContext:*PodSecurityContext
  ImagePullSecrets:[]LocalObjectReference Hostname Subdomain Affinity:*Affinity SchedulerName
  Tolerations:[]Toleration HostAliases:[]HostAlias PriorityClassName Priority:*int DNSConfig=dnsConfig:*PodDNSConfig
  ReadinessGates:[]PodReadinessGate RuntimeClassName:*string EnableServiceLinks:*bool PreemptionPolicy:*string
  Overhead:{}Quantity TopologySpreadConstraints:[]TopologySpreadConstraint SetHostnameAsFQDN:*bool OS=os:*PodOS
  HostUsers:*bool SchedulingGates:[]PodSchedulingGate ResourceClaims:[]PodResourceClaim
  Resources:*ResourceRequirements HostnameOverride:*string SchedulingGroup:*PodSchedulingGroup
  EvictionResponders:[]EvictionResponder
Volume: Name! +VolumeSource
VolumeSource: HostPath:*HostPathVolumeSource EmptyDir:*EmptyDirVolumeSource
  GCEPersistentDisk=gcePersistentDisk:*GCEPersistentDiskVolumeSource
  AWSElasticBlockStore=awsElasticBlockStore:*AWSElasticBlockStoreVolumeSource GitRepo:*GitRepoVolumeSource
  Secret:*SecretVolumeSource NFS=nfs:*NFSVolumeSource ISCSI=iscsi:*ISCSIVolumeSource
  Glusterfs:*GlusterfsVolumeSource PersistentVolumeClaim:*PersistentVolumeClaimVolumeSource RBD=rbd:*RBDVolumeSource
  FlexVolume:*FlexVolumeSource Cinder:*CinderVolumeSource CephFS=cephfs:*CephFSVolumeSource
  Flocker:*FlockerVolumeSource DownwardAPI:*DownwardAPIVolumeSource FC=fc:*FCVolumeSource
  AzureFile:*AzureFileVolumeSource ConfigMap:*ConfigMapVolumeSource VsphereVolume:*VsphereVirtualDiskVolumeSource
  Quobyte:*QuobyteVolumeSource AzureDisk:*AzureDiskVolumeSource
  PhotonPersistentDisk:*PhotonPersistentDiskVolumeSource Projected:*ProjectedVolumeSource
  PortworxVolume:*PortworxVolumeSource ScaleIO:*ScaleIOVolumeSource StorageOS=storageos:*StorageOSVolumeSource
  CSI=csi:*CSIVolumeSource Ephemeral:*EphemeralVolumeSource Image:*ImageVolumeSource
HostPathVolumeSource: Path! Type:*string
EmptyDirVolumeSource: Medium SizeLimit:*Quantity Mode:*int
GCEPersistentDiskVolumeSource: PDName=pdName! FSType=fsType Partition:int ReadOnly:bool
AWSElasticBlockStoreVolumeSource: VolumeID! FSType=fsType Partition:int ReadOnly:bool
GitRepoVolumeSource: Repository! Revision Directory
SecretVolumeSource: SecretName Items:[]KeyToPath DefaultMode:*int Optional:*bool DefaultUser:*int
KeyToPath: Key! Path! Mode:*int User:*int
NFSVolumeSource: Server! Path! ReadOnly:bool
ISCSIVolumeSource: TargetPortal! IQN=iqn! Lun:int! ISCSIInterface=iscsiInterface FSType=fsType ReadOnly:bool
  Portals[] DiscoveryCHAPAuth=chapAuthDiscovery:bool SessionCHAPAuth=chapAuthSession:bool
  SecretRef:*LocalObjectReference InitiatorName:*string
LocalObjectReference: Name
GlusterfsVolumeSource: EndpointsName=endpoints! Path! ReadOnly:bool
PersistentVolumeClaimVolumeSource: ClaimName! ReadOnly:bool
RBDVolumeSource: CephMonitors=monitors[]! RBDImage=image! FSType=fsType RBDPool=pool RadosUser=user Keyring
  SecretRef:*LocalObjectReference ReadOnly:bool
FlexVolumeSource: Driver! FSType=fsType SecretRef:*LocalObjectReference ReadOnly:bool Options{}
CinderVolumeSource: VolumeID! FSType=fsType ReadOnly:bool SecretRef:*LocalObjectReference
CephFSVolumeSource: Monitors[]! Path User SecretFile SecretRef:*LocalObjectReference ReadOnly:bool
FlockerVolumeSource: DatasetName DatasetUUID
DownwardAPIVolumeSource: Items:[]DownwardAPIVolumeFile DefaultMode:*int DefaultUser:*int
DownwardAPIVolumeFile: Path! FieldRef:*ObjectFieldSelector ResourceFieldRef:*ResourceFieldSelector Mode:*int
  User:*int
ObjectFieldSelector: APIVersion=apiVersion FieldPath!
ResourceFieldSelector: ContainerName Resource! Divisor:Quantity
FCVolumeSource: TargetWWNs[] Lun:*int FSType=fsType ReadOnly:bool WWIDs=wwids[]
AzureFileVolumeSource: SecretName! ShareName! ReadOnly:bool
ConfigMapVolumeSource: +LocalObjectReference Items:[]KeyToPath DefaultMode:*int Optional:*bool DefaultUser:*int
VsphereVirtualDiskVolumeSource: VolumePath! FSType=fsType StoragePolicyName StoragePolicyID
QuobyteVolumeSource: Registry! Volume! ReadOnly:bool User Group Tenant
AzureDiskVolumeSource: DiskName! DataDiskURI=diskURI! CachingMode:*string FSType=fsType:*string ReadOnly:*bool
  Kind:*string
PhotonPersistentDiskVolumeSource: PdID! FSType=fsType
ProjectedVolumeSource: Sources:[]VolumeProjection! DefaultMode:*int DefaultUser:*int
VolumeProjection: Secret:*SecretProjection DownwardAPI:*DownwardAPIProjection ConfigMap:*ConfigMapProjection
  ServiceAccountToken:*ServiceAccountTokenProjection ClusterTrustBundle:*ClusterTrustBundleProjection
  PodCertificate:*PodCertificateProjection
SecretProjection: +LocalObjectReference Items:[]KeyToPath Optional:*bool
DownwardAPIProjection: Items:[]DownwardAPIVolumeFile
ConfigMapProjection: +LocalObjectReference Items:[]KeyToPath Optional:*bool
ServiceAccountTokenProjection: Audience ExpirationSeconds:*int Path! User:*int
ClusterTrustBundleProjection: Name:*string SignerName:*string LabelSelector:*LabelSelector Optional:*bool Path!
  User:*int
LabelSelector: MatchLabels{} MatchExpressions:[]LabelSelectorRequirement
LabelSelectorRequirement: Key! Operator! Values[]
PodCertificateProjection: SignerName KeyType MaxExpirationSeconds:*int CredentialBundlePath KeyPath
  CertificateChainPath UserAnnotations{} User:*int
PortworxVolumeSource: VolumeID! FSType=fsType ReadOnly:bool
ScaleIOVolumeSource: Gateway! System! SecretRef:*LocalObjectReference! SSLEnabled=sslEnabled:bool ProtectionDomain
  StoragePool StorageMode VolumeName FSType=fsType ReadOnly:bool
StorageOSVolumeSource: VolumeName VolumeNamespace FSType=fsType ReadOnly:bool SecretRef:*LocalObjectReference
CSIVolumeSource: Driver! ReadOnly:*bool FSType=fsType:*string VolumeAttributes{}
  NodePublishSecretRef:*LocalObjectReference
EphemeralVolumeSource: VolumeClaimTemplate:*PersistentVolumeClaimTemplate
PersistentVolumeClaimTemplate: +ObjectMeta Spec:PersistentVolumeClaimSpec!
PersistentVolumeClaimSpec: AccessModes[] Selector:*LabelSelector Resources:VolumeResourceRequirements VolumeName
  StorageClassName:*string VolumeMode:*string DataSource:*TypedLocalObjectReference
  DataSourceRef:*TypedObjectReference VolumeAttributesClassName:*string
VolumeResourceRequirements: Limits:{}Quantity Requests:{}Quantity
TypedLocalObjectReference: APIGroup=apiGroup:*string! Kind! Name!
TypedObjectReference: APIGroup=apiGroup:*string! Kind! Name! Namespace:*string
ImageVolumeSource: Reference PullPolicy
Container: Name! Image Command[] Args[] WorkingDir Ports:[]ContainerPort EnvFrom:[]EnvFromSource Env:[]EnvVar
  Resources:ResourceRequirements ResizePolicy:[]ContainerResizePolicy RestartPolicy:*string
  RestartPolicyRules:[]ContainerRestartRule VolumeMounts:[]VolumeMount VolumeDevices:[]VolumeDevice
  LivenessProbe:*Probe ReadinessProbe:*Probe StartupProbe:*Probe Lifecycle:*Lifecycle TerminationMessagePath
  TerminationMessagePolicy ImagePullPolicy SecurityContext:*SecurityContext Stdin:bool StdinOnce:bool TTY=tty:bool
ContainerPort: Name HostPort:int ContainerPort:int! Protocol HostIP
EnvFromSource: Prefix ConfigMapRef:*ConfigMapEnvSource SecretRef:*SecretEnvSource
ConfigMapEnvSource: +LocalObjectReference Optional:*bool
SecretEnvSource: +LocalObjectReference Optional:*bool
EnvVar: Name! Value ValueFrom:*EnvVarSource
EnvVarSource: FieldRef:*ObjectFieldSelector ResourceFieldRef:*ResourceFieldSelector
  ConfigMapKeyRef:*ConfigMapKeySelector SecretKeyRef:*SecretKeySelector FileKeyRef:*FileKeySelector
ConfigMapKeySelector: +LocalObjectReference Key! Optional:*bool
SecretKeySelector: +LocalObjectReference Key! Optional:*bool
FileKeySelector: VolumeName! Path! Key! Optional:*bool
ResourceRequirements: Limits:{}Quantity Requests:{}Quantity Claims:[]ResourceClaim
ResourceClaim: Name! Request
ContainerResizePolicy: ResourceName! RestartPolicy!
ContainerRestartRule: Action ExitCodes:*ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes: Operator Values:[]int
VolumeMount: Name! ReadOnly:bool RecursiveReadOnly:*string MountPath! SubPath MountPropagation:*string SubPathExpr
  BindMountOptions[]
VolumeDevice: Name! DevicePath!
Probe: +ProbeHandler InitialDelaySeconds:int TimeoutSeconds:int PeriodSeconds:int SuccessThreshold:int
  FailureThreshold:int TerminationGracePeriodSeconds:*int
ProbeHandler: Exec:*ExecAction HTTPGet=httpGet:*HTTPGetAction TCPSocket=tcpSocket:*TCPSocketAction
  GRPC=grpc:*GRPCAction
ExecAction: Command[]
HTTPGetAction: Path Port:IntOrString! Host Scheme HTTPHeaders=httpHeaders:[]HTTPHeader Protocol:*string
HTTPHeader: Name! Value!
TCPSocketAction: Port:IntOrString! Host
GRPCAction: Port:int! Service:*string! Mode:*string
Lifecycle: PostStart:*LifecycleHandler PreStop:*LifecycleHandler StopSignal:*string
LifecycleHandler: Exec:*ExecAction HTTPGet=httpGet:*HTTPGetAction TCPSocket=tcpSocket:*TCPSocketAction
  Sleep:*SleepAction
SleepAction: Seconds:int!
SecurityContext: Capabilities:*Capabilities Privileged:*bool SELinuxOptions=seLinuxOptions:*SELinuxOptions
  WindowsOptions:*WindowsSecurityContextOptions RunAsUser:*int RunAsGroup:*int RunAsNonRoot:*bool
  ReadOnlyRootFilesystem:*bool AllowPrivilegeEscalation:*bool ProcMount:*string SeccompProfile:*SeccompProfile
  AppArmorProfile:*AppArmorProfile
Capabilities: Add[] Drop[]
SELinuxOptions: User Role Type Level
WindowsSecurityContextOptions: GMSACredentialSpecName=gmsaCredentialSpecName:*string
  GMSACredentialSpec=gmsaCredentialSpec:*string RunAsUserName:*string HostProcess:*bool
SeccompProfile: Type! LocalhostProfile:*string
AppArmorProfile: Type! LocalhostProfile:*string
EphemeralContainer: +EphemeralContainerCommon TargetContainerName
EphemeralContainerCommon: Name! Image Command[] Args[] WorkingDir Ports:[]ContainerPort EnvFrom:[]EnvFromSource
  Env:[]EnvVar Resources:ResourceRequirements ResizePolicy:[]ContainerResizePolicy RestartPolicy:*string
  RestartPolicyRules:[]ContainerRestartRule VolumeMounts:[]VolumeMount VolumeDevices:[]VolumeDevice
  LivenessProbe:*Probe ReadinessProbe:*Probe StartupProbe:*Probe Lifecycle:*Lifecycle TerminationMessagePath
  TerminationMessagePolicy ImagePullPolicy SecurityContext:*SecurityContext Stdin:bool StdinOnce:bool TTY=tty:bool
PodSecurityContext: SELinuxOptions=seLinuxOptions:*SELinuxOptions WindowsOptions:*WindowsSecurityContextOptions
  RunAsUser:*int RunAsGroup:*int RunAsNonRoot:*bool SupplementalGroups:[]int SupplementalGroupsPolicy:*string
  FSGroup=fsGroup:*int Sysctls:[]Sysctl FSGroupChangePolicy=fsGroupChangePolicy:*string
  SeccompProfile:*SeccompProfile AppArmorProfile:*AppArmorProfile SELinuxChangePolicy=seLinuxChangePolicy:*string
Sysctl: Name! Value!
Affinity: NodeAffinity:*NodeAffinity PodAffinity:*PodAffinity PodAntiAffinity:*PodAntiAffinity
NodeAffinity: RequiredDuringSchedulingIgnoredDuringExecution:*NodeSelector
  PreferredDuringSchedulingIgnoredDuringExecution:[]PreferredSchedulingTerm
NodeSelector: NodeSelectorTerms:[]NodeSelectorTerm!
NodeSelectorTerm: MatchExpressions:[]NodeSelectorRequirement MatchFields:[]NodeSelectorRequirement
NodeSelectorRequirement: Key! Operator! Values[]
PreferredSchedulingTerm: Weight:int! Preference:NodeSelectorTerm!
PodAffinity: RequiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
  PreferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
PodAffinityTerm: LabelSelector:*LabelSelector Namespaces[] TopologyKey! NamespaceSelector:*LabelSelector
  MatchLabelKeys[] MismatchLabelKeys[]
WeightedPodAffinityTerm: Weight:int! PodAffinityTerm:PodAffinityTerm!
PodAntiAffinity: RequiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
  PreferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
Toleration: Key Operator Value Effect TolerationSeconds:*int
HostAlias: IP=ip! Hostnames[]
PodDNSConfig: Nameservers[] Searches[] Options:[]PodDNSConfigOption
PodDNSConfigOption: Name Value:*string
PodReadinessGate: ConditionType!
TopologySpreadConstraint: MaxSkew:int! TopologyKey! WhenUnsatisfiable! LabelSelector:*LabelSelector MinDomains:*int
  NodeAffinityPolicy:*string NodeTaintsPolicy:*string MatchLabelKeys[]
PodOS: Name!
PodSchedulingGate: Name!
PodResourceClaim: Name! ResourceClaimName:*string ResourceClaimTemplateName:*string
PodSchedulingGroup: PodGroupName:*string
EvictionResponder: Name! Priority:*int!
"""

_FIELD = re.compile(r"(?P<name>\w+)(?:=(?P<key>\w+))?(?::(?P<type>[^!]+)|(?P<many>\[\]|\{\}))?(?P<always>!?)")
_SCALARS: Mapping[str, Any] = {"string": "", "int": 0, "bool": False, "bytes": ""}
_GO_NAMES = {"int": "int64"}


@cache
def struct_type(name: str) -> StructType:
    """The type called `name`. Raises KeyError where a Pod has none of that name."""
    if name in _SPECIAL:
        return StructType(name, {}, _SPECIAL[name])
    fields: dict[str, Field] = {}
    embedded: dict[str, Read] = {}
    for word in _rows()[name]:
        if word.startswith("+"):
            inner = struct_type(word[1:])
            embedded[word[1:]] = partial(Struct, inner)
            fields |= inner.fields
        elif found := _FIELD.fullmatch(word):
            kind = (found["many"] or "") + (found["type"] or "string")
            key = found["key"] or found["name"][0].lower() + found["name"][1:]
            written = _written(kind, always=bool(found["always"]))
            fields[found["name"]] = Field(key, _reader(kind), written, kind.lstrip("*[]{}") in _SCALARS)
    getters = {f"Get{each}": _getter(each) for each in fields} if name == "ObjectMeta" else {}
    return StructType(name, fields, getters, embedded)


@cache
def _rows() -> Mapping[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for line in _TABLE.replace("\n  ", " ").strip().splitlines():
        name, _, words = line.partition(": ")
        rows[name] = words.split()
    return rows


def _written(kind: str, *, always: bool) -> str:
    if always or (kind not in _SCALARS and kind[0] not in "*[{"):
        return "always"
    return "present" if kind[0] == "*" else "nonempty"


def _getter(name: str) -> Callable[[Struct], Any]:
    def get(meta: Struct) -> Any:
        found = meta.type.fields[name]
        return found.read((meta.data or {}).get(found.key))

    return get


def _reader(kind: str) -> Read:
    """What makes a value of type `kind` of the JSON that a pod has, or of None where it has none."""
    if kind in _SCALARS:
        zero = _SCALARS[kind]
        return lambda raw: zero if raw is None else raw
    if kind.startswith("[]"):
        item = _reader(kind[2:])
        return lambda raw: [item(each) for each in raw] if raw else []
    if kind == "{}string":
        return lambda raw: StringMap(raw or {})
    if kind.startswith("{}"):
        quantity = _reader(kind[2:])
        return lambda raw: ResourceList({key: quantity(value) for key, value in (raw or {}).items()})
    if kind.startswith("*"):
        return _pointer_reader(kind[1:])
    return lambda raw: Struct(struct_type(kind), {} if raw is None else raw)


def _pointer_reader(kind: str) -> Read:
    if kind in _SCALARS:
        nil = NilPointer(f"*{_GO_NAMES.get(kind, kind)}")
        return lambda raw: nil if raw is None else raw
    return lambda raw: Struct(struct_type(kind), raw)


def _raw(value: Struct) -> Any:
    """What a struct that JSON has as one value holds."""
    return "" if value.data in ({}, None) else value.data


def _quantity(value: Struct) -> str:
    return canonical_quantity(str(_raw(value) or "0"))


def _whole(value: Struct, scale: int = 1) -> int:
    return int((decimal_value(_quantity(value)) * scale).to_integral_value(ROUND_UP))


def _integer(value: Struct) -> int:
    raw = _raw(value)
    try:
        return int(Decimal(raw or 0))
    except InvalidOperation:
        return 0


class ResourceList(MethodMap):
    """Quantities by resource."""

    __slots__ = ()

    def quantity(self, name: str) -> Struct:
        """The quantity of `name`, zero where there is none."""
        return self.get(name) or self.zero()

    def zero(self) -> Struct:
        """The quantity zero."""
        return Struct(struct_type("Quantity"), {})


ResourceList.methods = {
    "Cpu": lambda resources: resources.quantity("cpu"),
    "Memory": lambda resources: resources.quantity("memory"),
    "Storage": lambda resources: resources.quantity("storage"),
    "Pods": lambda resources: resources.quantity("pods"),
    "StorageEphemeral": lambda resources: resources.quantity("ephemeral-storage"),
}


def _port_type(value: Struct) -> int:
    return int(isinstance(_raw(value), str) and value.data != {})


# Structs that JSON has as one value.
_SPECIAL: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "Quantity": {
        "String": _quantity,
        "MarshalJSON": _quantity,
        "Value": _whole,
        "MilliValue": lambda value: _whole(value, 1_000),
        "IsZero": lambda value: decimal_value(_quantity(value)) == 0,
        "AsApproximateFloat64": lambda value: float(decimal_value(_quantity(value))),
    },
    "IntOrString": {
        "String": lambda value: str(_raw(value) if value.data != {} else 0),
        "MarshalJSON": lambda value: 0 if value.data == {} else _raw(value),
        "Type": _port_type,
        "IntVal": lambda value: 0 if _port_type(value) else int(_raw(value) or 0),
        "StrVal": lambda value: str(_raw(value)) if _port_type(value) else "",
        "IntValue": _integer,
    },
    "Time": {
        "String": lambda value: str(_raw(value)),
        "MarshalJSON": lambda value: _raw(value) or None,
        "IsZero": lambda value: not _raw(value),
    },
    "FieldsV1": {"MarshalJSON": lambda value: value.data},
}


def object_meta(data: Mapping[str, Any]) -> Struct:
    """The metadata `data` of an object."""
    return Struct(struct_type("ObjectMeta"), data)


def pod_spec(data: Mapping[str, Any]) -> Struct:
    """The specification `data` of a pod."""
    return Struct(struct_type("PodSpec"), data)
