{{/* Combinations that would lock a cluster out or cannot work: one line for each that is there, naming value and cure. */}}

{{- define "injector.refusals" -}}
{{- include "injector.refusedSelection" . -}}
{{- include "injector.refusedReplicas" . -}}
{{- include "injector.refusedCertificates" . -}}
{{- include "injector.refusedPorts" . -}}
{{- include "injector.refusedLabels" . -}}
{{- include "injector.refusedAddresses" . -}}
{{- end -}}

{{- define "injector.refusedLabels" -}}
{{- range $path, $labels := dict "podLabels" .Values.podLabels "commonLabels" .Values.commonLabels }}
{{- range $key := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "sidecar.istio.io/inject" }}
{{- if hasKey $labels $key }}
{{ $path }}: {{ $key }} is what the release's own selectors and webhooks go by; any other label
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "injector.refusedAddresses" -}}
{{- $service := .Values.service -}}
{{- if and (has "IPv6" $service.ipFamilies) (not (contains ":" .Values.server.host)) }}
server.host: {{ .Values.server.host }} answers no IPv6, which service.ipFamilies asks for; set it to ::
{{- end }}
{{- if and (eq (len $service.ipFamilies) 2) (not (has $service.ipFamilyPolicy (list "PreferDualStack" "RequireDualStack"))) }}
service.ipFamilies: two families need service.ipFamilyPolicy PreferDualStack or RequireDualStack
{{- end }}
{{- if not (regexMatch "^([0-9]{1,3}([.][0-9]{1,3}){3}|[0-9a-fA-F.]*:[0-9a-fA-F:.]*)$" .Values.server.host) }}
server.host: {{ .Values.server.host }} is no address to listen on; 0.0.0.0, or :: for IPv6 and dual stack
{{- end }}
{{- with .Values.webhook.url }}
{{- $url := urlParse . }}
{{- if not (hasPrefix "/inject" $url.path) }}
webhook.url: {{ . }} has {{ ternary "no path" (printf "the path %s" $url.path) (has $url.path (list "" "/")) }}, and the server answers reviews below /inject alone; https://HOST/inject
{{- end }}
{{- if not (regexMatch "^([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?([.][a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?$" $url.host) }}
webhook.url: {{ $url.host }} is no host; a DNS name, an IPv4 address, or an IPv6 address in brackets, and a port where it is not 443
{{- end }}
{{- end }}
{{- if and .Values.hostNetwork (eq (int .Values.server.port) 10250) }}
server.port: 10250 is the kubelet's on the node's network; any other port, which the firewall then has to let through
{{- end }}
{{- if and .Values.hostNetwork .Values.userNamespace }}
userNamespace: not together with hostNetwork; set one of them to false
{{- end }}
{{- end -}}

{{- define "injector.refusedSelection" -}}
{{- $table := .Files.Get "files/selection.yaml" | fromYaml -}}
{{- $revision := include "injector.revision" . -}}
{{- range list "revision" "revisionTags" "enableNamespacesByDefault" "ignoredNamespaces" }}
{{- if hasKey $.Values.config . }}
config.{{ . }}: the webhook's selectors need it too; set {{ . }} in its place
{{- end }}
{{- end }}
{{- range $table.systemNamespaces }}
{{- if and (eq $.Values.webhook.failurePolicy "Fail") (not (has . $.Values.ignoredNamespaces)) }}
ignoredNamespaces: {{ . }} is not in it, and with webhook.failurePolicy Fail an injector that is away could keep that namespace's pods, and with them the cluster, from starting; add it, or set webhook.failurePolicy to Ignore
{{- end }}
{{- end }}
{{- if has $revision .Values.revisionTags }}
revisionTags: {{ $revision }} is the revision itself; only other names are tags
{{- end }}
{{- if and .Values.enableNamespacesByDefault (not (has $table.defaultRevision (append .Values.revisionTags $revision))) }}
enableNamespacesByDefault: has no effect on revision {{ $revision }}, which answers only where it is named; add {{ $table.defaultRevision }} to revisionTags, or set it to false
{{- end }}
{{- if and (has "Deny" .Values.survivalPolicy.actions) (has "Warn" .Values.survivalPolicy.actions) }}
survivalPolicy.actions: Kubernetes does not take Deny and Warn together; leave one out
{{- end }}
{{- end -}}

{{- define "injector.refusedReplicas" -}}
{{- $scaling := .Values.autoscaling -}}
{{- $least := ternary $scaling.minReplicas .Values.replicas $scaling.enabled | int -}}
{{- $path := ternary "autoscaling.minReplicas" "replicas" $scaling.enabled -}}
{{- $acknowledged := .Values.acknowledgeSingleReplica -}}
{{- if lt $least 1 }}
{{ $path }}: {{ $least }} runs no injector, so that with webhook.failurePolicy Fail no opted-in pod could be created, and with Ignore none would be injected; at least 2, or helm uninstall
{{- else if and (eq .Values.webhook.failurePolicy "Fail") (lt $least 2) (not $acknowledged) }}
{{ $path }}: {{ $least }} with webhook.failurePolicy Fail keeps every opted-in pod from being created while that one restarts; at least 2, or acknowledgeSingleReplica true, or webhook.failurePolicy Ignore
{{- end }}
{{- if and $scaling.enabled (lt (int $scaling.maxReplicas) $least) }}
autoscaling.maxReplicas: {{ $scaling.maxReplicas }} is less than autoscaling.minReplicas; at least {{ $least }}
{{- end }}
{{- $kept := include "injector.keptReplicas" (dict "minAvailable" .Values.podDisruptionBudget.minAvailable "replicas" $least) | int }}
{{- $budget := .Values.podDisruptionBudget }}
{{- if and $budget.enabled (has (toString $budget.maxUnavailable) (list "0" "0%")) }}
podDisruptionBudget.maxUnavailable: {{ $budget.maxUnavailable }} lets none go, so that no node with a replica could be drained; at least 1
{{- else if and $budget.enabled (eq (toString $budget.maxUnavailable) "") (ge $kept $least) (ge $least 1) }}
podDisruptionBudget.minAvailable: {{ .Values.podDisruptionBudget.minAvailable }} of {{ $least }} replicas lets none go, so that no node with one could be drained; at most {{ sub $least 1 }}, or more replicas, or podDisruptionBudget.enabled false
{{- end }}
{{- end -}}

{{- define "injector.refusedCertificates" -}}
{{- $certificates := .Values.certificates -}}
{{- if and .Values.server.clients.names (not .Values.server.clients.configMap) }}
server.clients.names: names are checked in certificates of an authority; set server.clients.configMap to the ConfigMap that holds it
{{- end }}
{{- with $certificates.certManager.issuer.name }}
{{- if eq $certificates.provider "injector" }}
certificates.certManager.issuer.name: {{ . }} beside certificates.provider injector would mean two authorities for one webhook; set the provider to cert-manager, or leave the issuer empty
{{- end }}
{{- end }}
{{- if ge (float64 $certificates.servingDays) (float64 $certificates.authorityDays) }}
certificates.servingDays: {{ $certificates.servingDays }} has to be less than certificates.authorityDays, {{ $certificates.authorityDays }}
{{- end }}
{{- end -}}

{{- define "injector.refusedPorts" -}}
{{- $preview := .Values.preview -}}
{{- range $path, $port := dict "server.port" .Values.server.port "service.port" .Values.service.port }}
{{- if and $preview.enabled (eq (int $preview.port) (int $port)) }}
preview.port: {{ $port }} is {{ $path }} too; any other port from 1024 on
{{- end }}
{{- end }}
{{- $limits := .Values.server.limits }}
{{- if gt (int64 $limits.handshakes) (int64 $limits.connections) }}
server.limits.handshakes: {{ int64 $limits.handshakes }} is more than server.limits.connections, {{ int64 $limits.connections }}; at most as many
{{- end }}
{{- if hasKey .Values.configFiles "config" }}
configFiles.config: the file config.yaml is written from config; any other name
{{- end }}
{{- end -}}

{{/* How many of `replicas` a `minAvailable` keeps; a percentage is rounded up, as the disruption controller does. */}}
{{- define "injector.keptReplicas" -}}
{{- if kindIs "string" .minAvailable -}}
{{- divf (mulf (trimSuffix "%" .minAvailable) .replicas) 100 | ceil -}}
{{- else -}}
{{- .minAvailable -}}
{{- end -}}
{{- end -}}
