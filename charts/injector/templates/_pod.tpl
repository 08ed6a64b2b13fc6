{{/* What every pod of the chart has in common: nothing that it does not need. */}}

{{- define "injector.podSecurity" -}}
runAsNonRoot: true
{{- if ne (.Values.config.platform | default "") "openshift" }}
{{- /* OpenShift chooses the ids from the namespace's range. */}}
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "injector.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "injector.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Proxies, of which the API server and the cluster's Services know nothing, and what operators add. */}}
{{- define "injector.environment" -}}
{{- $proxy := .Values.proxy }}
{{- if or $proxy.httpsProxy $proxy.httpProxy }}
{{- range $name, $value := dict "HTTPS_PROXY" $proxy.httpsProxy "HTTP_PROXY" $proxy.httpProxy }}
{{- with $value }}
- name: {{ $name }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
- name: NO_PROXY
  value: {{ concat (list "$(KUBERNETES_SERVICE_HOST)" "localhost" "127.0.0.1" "::1" ".svc" ".cluster.local") $proxy.noProxy | join "," | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "injector.probe" -}}
httpGet:
  path: {{ . }}
  port: https
  scheme: HTTPS
{{- end -}}
