{{/* Webhook configurations: which there are, and their entries out of the opt-in table. */}}

{{/* Each revision and tag with the name of its configuration, as a list in YAML. */}}
{{- define "injector.registrations" -}}
- revision: {{ include "injector.revision" . }}
  name: {{ include "injector.clusterName" . }}
{{- range .Values.revisionTags }}
- revision: {{ . }}
  name: {{ printf "%s-tag-%s" (include "injector.clusterName" $) . }}
{{- end }}
{{- end -}}

{{/* The namespaces that are left alone: for the selectors and for the configuration, so that both say the same. */}}
{{- define "injector.ignoredNamespaces" -}}
{{- append .Values.ignoredNamespaces .Release.Namespace | uniq | toJson -}}
{{- end -}}

{{/* Rows of the opt-in table for one revision or tag, given as `revision`, with `root`. */}}
{{- define "injector.entries" -}}
{{- $table := .root.Files.Get "files/selection.yaml" | replace "<revision>" .revision | fromYaml -}}
{{- $entries := $table.revision -}}
{{- if eq .revision $table.defaultRevision -}}
{{- $entries = concat $entries $table.default -}}
{{- if .root.Values.enableNamespacesByDefault }}{{ $entries = concat $entries $table.namespacesByDefault }}{{ end -}}
{{- end -}}
{{- toYaml $entries -}}
{{- end -}}

{{/* One webhook: `entry` is a row of the table. No caBundle: the injector (or cert-manager) writes and heals it. */}}
{{- define "injector.webhook" -}}
{{- $values := .root.Values -}}
{{- $ignored := dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" (include "injector.ignoredNamespaces" .root | fromJsonArray) -}}
- name: {{ .entry.name }}.sidecar-injector.istio.io
  admissionReviewVersions: [v1]
  {{- /* An Event is the only effect beside the answer, and there is none for a dry run. */}}
  sideEffects: {{ ternary "NoneOnDryRun" "None" $values.server.events }}
  {{- /* Where nobody opted in, an injector that is away must not keep pods from being created. */}}
  failurePolicy: {{ ternary $values.webhook.failurePolicy "Ignore" .entry.optedIn }}
  reinvocationPolicy: {{ $values.webhook.reinvocationPolicy }}
  matchPolicy: Equivalent
  timeoutSeconds: {{ $values.webhook.timeoutSeconds }}
  rules:
    - operations: [CREATE]
      apiGroups: [""]
      apiVersions: [v1]
      resources: [pods]
      scope: Namespaced
  namespaceSelector:
    matchExpressions:
      {{- append .entry.namespaceSelector.matchExpressions $ignored | toYaml | nindent 6 }}
  objectSelector:
    {{- toYaml .entry.objectSelector | nindent 4 }}
  matchConditions:
    {{- /* The kubelet runs a mirror pod from a file: what the API server has of it is a copy. */}}
    - name: not-a-mirror-pod
      expression: "!('kubernetes.io/config.mirror' in object.metadata.?annotations.orValue({}))"
    {{- with $values.webhook.matchConditions }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  clientConfig:
    {{- if $values.webhook.url }}
    url: {{ $values.webhook.url | quote }}
    {{- else }}
    service:
      name: {{ include "injector.fullname" .root }}
      namespace: {{ .root.Release.Namespace }}
      port: {{ $values.service.port }}
      path: {{ $values.webhook.path | quote }}
    {{- end }}
{{- end -}}

{{- define "injector.webhookAnnotations" -}}
{{- $annotations := deepCopy .Values.webhook.annotations -}}
{{- if eq .Values.certificates.provider "cert-manager" -}}
{{- $source := printf "%s/%s" .Release.Namespace (include "injector.certificateSecret" .) -}}
{{- $_ := set $annotations "cert-manager.io/inject-ca-from" $source -}}
{{- end -}}
{{- with $annotations }}{{ toYaml . }}{{ end -}}
{{- end -}}
