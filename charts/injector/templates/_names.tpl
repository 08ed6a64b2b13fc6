{{/* The names of objects and their labels. */}}

{{- define "injector.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "injector.fullname" -}}
{{- $name := include "injector.name" . -}}
{{- $joined := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $joined | trunc 44 | trimSuffix "-" -}}
{{- end -}}

{{/* Of objects without a namespace: two releases of one name in different namespaces must not meet. */}}
{{- define "injector.clusterName" -}}
{{- printf "%s-%s" (include "injector.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "injector.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "injector.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "injector.certificateSecret" -}}
{{- printf "%s-certificates" (include "injector.fullname" .) -}}
{{- end -}}

{{- define "injector.lastGood" -}}
{{- printf "%s-last-good" (include "injector.fullname" .) -}}
{{- end -}}

{{- define "injector.lease" -}}
{{- include "injector.fullname" . -}}
{{- end -}}

{{- define "injector.host" -}}
{{- printf "%s.%s.svc" (include "injector.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "injector.revision" -}}
{{- .Values.revision | default "default" -}}
{{- end -}}

{{- define "injector.image" -}}
{{- $suffix := printf ":%s" (.Values.image.tag | default .Chart.AppVersion) -}}
{{- if .Values.image.digest }}{{ $suffix = printf "@%s" .Values.image.digest }}{{ end -}}
{{- printf "%s%s" .Values.image.repository $suffix -}}
{{- end -}}

{{- define "injector.selectorLabels" -}}
app.kubernetes.io/name: {{ include "injector.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "injector.labels" -}}
{{ include "injector.selectorLabels" . }}
{{ include "injector.releaseLabels" . }}
{{- end -}}

{{/* What no selector looks at. */}}
{{- define "injector.releaseLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
