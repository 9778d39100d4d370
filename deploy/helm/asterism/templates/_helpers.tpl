{{- define "asterism.name" -}}
{{- .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "asterism.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "asterism.selectorLabels" -}}
app.kubernetes.io/name: {{ include "asterism.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "asterism.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "asterism.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "asterism.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "asterism.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "asterism.probe" -}}
httpGet:
  path: /health
  port: http
  {{- if .Values.tls.existingSecret }}
  scheme: HTTPS
  {{- end }}
{{- end -}}

{{- define "asterism.check" -}}
{{- if and .Values.persistence.enabled .Values.autoscaling.enabled -}}
{{- fail "persistence.enabled and autoscaling.enabled: expected at most one of them, because one process writes a collection at a time" -}}
{{- end -}}
{{- if and .Values.persistence.enabled (ne (int .Values.replicaCount) 1) -}}
{{- fail (printf "replicaCount: expected 1 with persistence.enabled, found %d; one process writes a collection at a time" (int .Values.replicaCount)) -}}
{{- end -}}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas: expected at most maxReplicas (%d), found %d" (int .Values.autoscaling.maxReplicas) (int .Values.autoscaling.minReplicas)) -}}
{{- end -}}
{{- end -}}
