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

{{- define "injector.probe" -}}
httpGet:
  path: {{ . }}
  port: https
  scheme: HTTPS
{{- end -}}
