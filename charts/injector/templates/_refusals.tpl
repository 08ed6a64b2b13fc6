{{/* Combinations that would lock a cluster out or cannot work: one line for each that is there, naming value and cure. */}}

{{- define "injector.refusals" -}}
{{- include "injector.refusedSelection" . -}}
{{- include "injector.refusedReplicas" . -}}
{{- include "injector.refusedCertificates" . -}}
{{- include "injector.refusedPorts" . -}}
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
{{- if and (eq .Values.webhook.failurePolicy "Fail") (lt $least 2) (not $acknowledged) }}
{{ $path }}: {{ $least }} with webhook.failurePolicy Fail keeps every opted-in pod from being created while that one restarts; at least 2, or acknowledgeSingleReplica true, or webhook.failurePolicy Ignore
{{- end }}
{{- if and $scaling.enabled (lt (int $scaling.maxReplicas) $least) }}
autoscaling.maxReplicas: {{ $scaling.maxReplicas }} is less than autoscaling.minReplicas; at least {{ $least }}
{{- end }}
{{- $kept := include "injector.keptReplicas" (dict "minAvailable" .Values.podDisruptionBudget.minAvailable "replicas" $least) | int }}
{{- if and .Values.podDisruptionBudget.enabled (ge $kept $least) }}
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
