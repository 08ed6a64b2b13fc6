{{/* The command line of the server. */}}
{{- define "injector.arguments" -}}
- serve
{{- with .Values.istio }}
{{- if .namespace }}
- --config=cluster://{{ .namespace }}{{ with .revision }}/{{ . }}{{ end }}
{{- end }}
{{- end }}
{{- range $name, $_ := .Values.configFiles }}
- --config=/etc/injector/{{ $name }}.yaml
{{- end }}
- --config=/etc/injector/config.yaml
- {{ printf "--host=%s" .Values.server.host | quote }}
- --port={{ .Values.server.port }}
- --workers={{ .Values.server.workers }}
- --supervise
- --log-level={{ .Values.server.logLevel }}
- --log-format={{ .Values.server.logFormat }}
- --drain-seconds={{ .Values.server.drainSeconds }}
- --cluster
- --namespace={{ .Release.Namespace }}
- --cluster-wait={{ .Values.server.clusterWaitSeconds }}
- --unknown-cluster={{ .Values.server.unknownCluster }}
{{- if .Values.server.keepLastGood }}
- --last-good={{ include "injector.lastGood" . }}
{{- end }}
{{- range $name, $value := .Values.server.limits }}
- --limit={{ $name }}={{ ternary (int64 $value) $value (eq (float64 (int64 $value)) (float64 $value)) }}
{{- end }}
{{- if .Values.server.clients.configMap }}
- --client-ca=/etc/injector-clients/ca.crt
{{- end }}
{{- range .Values.server.clients.names }}
- {{ printf "--client-name=%s" . | quote }}
{{- end }}
- {{ ternary "--events" "--no-events" .Values.server.events }}
{{- if .Values.server.events }}
- --report-to=deployment/{{ include "injector.fullname" . }}
- --report-to=configmap/{{ include "injector.fullname" . }}
{{- end }}
{{ include (ternary "injector.ownCertificates" "injector.mountedCertificate" (eq .Values.certificates.provider "injector")) . }}
{{- if .Values.preview.enabled }}
- {{ printf "--preview-host=%s" .Values.server.host | quote }}
- --preview-port={{ .Values.preview.port }}
{{- end }}
{{- with .Values.server.extraArguments }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "injector.ownCertificates" -}}
- --cert-secret={{ include "injector.certificateSecret" . }}
- --service={{ include "injector.fullname" . }}
{{- with .Values.webhook.url }}
- --cert-name={{ (urlParse .).hostname }}
{{- end }}
{{- range include "injector.registrations" . | fromYamlArray }}
- --webhook-config={{ .name }}
{{- end }}
- --lease={{ include "injector.lease" . }}
- --authority-days={{ .Values.certificates.authorityDays }}
- --serving-days={{ .Values.certificates.servingDays }}
- --renewal={{ .Values.certificates.renewal }}
- --key-type={{ .Values.certificates.keyType }}
{{- end -}}

{{- define "injector.mountedCertificate" -}}
- --tls-cert=/etc/injector-certificate/tls.crt
- --tls-key=/etc/injector-certificate/tls.key
{{- end -}}
