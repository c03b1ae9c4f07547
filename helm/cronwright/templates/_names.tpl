{{- define "cronwright.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* At most 40 characters, which leaves room for what follows it in the names of objects. */}}
{{- define "cronwright.fullname" -}}
{{- $name := include "cronwright.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The labels of an object without a component. */}}
{{- define "cronwright.labels" -}}
app.kubernetes.io/name: {{ include "cronwright.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: cronwright
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Takes a list of the root and a component. */}}
{{- define "cronwright.componentLabels" -}}
{{ include "cronwright.labels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Takes a list of the root and a component. Never changes: a Deployment's selector is immutable. */}}
{{- define "cronwright.selector" -}}
app.kubernetes.io/name: {{ include "cronwright.name" (index . 0) }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Takes a list of the root and a program: operator, api or runner. */}}
{{- define "cronwright.image" -}}
{{- $root := index . 0 }}
{{- index $root.Values.images (index . 1) | default (printf "cronwright/%s:%s" (index . 1) $root.Chart.AppVersion) }}
{{- end }}

{{/* Takes a list of the root and a component. */}}
{{- define "cronwright.serviceAccount" -}}
{{- $root := index . 0 }}
{{- $account := (index $root.Values (index . 1)).serviceAccount }}
{{- if $account.name }}
{{- $account.name }}
{{- else if $account.create }}
{{- printf "%s-%s" (include "cronwright.fullname" $root) (index . 1) }}
{{- else }}
{{- fail (printf "%s.serviceAccount.create is false and no account is named; write %s.serviceAccount.name, or create: true" (index . 1) (index . 1)) }}
{{- end }}
{{- end }}

{{/* Where the operator and runs reach the API. */}}
{{- define "cronwright.apiUrl" -}}
{{- if .Values.api.url }}
{{- trimSuffix "/" .Values.api.url }}
{{- else }}
{{- include "cronwright.apiScheme" . }}://{{ include "cronwright.fullname" . }}-api.{{ .Release.Namespace }}.svc:{{ .Values.api.service.port }}
{{- end }}
{{- end }}

{{- define "cronwright.usesSqlite" -}}
{{- $url := .Values.api.databaseUrl }}
{{- if and (not .Values.api.databaseUrlSecret.name) (or (not $url) (hasPrefix "sqlite:" $url)) }}true{{ end }}
{{- end }}

{{/* What every pod of the chart says of where it runs. Takes a list of the root and a component. */}}
{{- define "cronwright.placement" -}}
{{- $root := index . 0 }}
{{- $values := index $root.Values (index . 1) }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Takes a list of {name: …} and gives the names with commas between them. */}}
{{- define "cronwright.secretNames" -}}
{{- $names := list }}
{{- range . }}{{ $names = append $names .name }}{{ end }}
{{- join "," $names }}
{{- end }}
