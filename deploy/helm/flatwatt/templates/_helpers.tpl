{{- define "flatwatt.labels" -}}
app.kubernetes.io/name: flatwatt
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "flatwatt.selector" -}}
app.kubernetes.io/name: flatwatt
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: worker
{{- end }}

{{- define "flatwatt.name" -}}
{{- printf "%s-flatwatt" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The configuration as given, with the places of what the chart mounts. */ -}}
{{- define "flatwatt.config" -}}
{{- $set := dict "data_dir" "/data" "fleet" "/fleet" -}}
{{- $_ := set $set "http" (dict "listen" "0.0.0.0:8080" "private_listen" "0.0.0.0:9090") -}}
{{- if .Values.secrets.page }}{{- $_ := set $set.http "token_file" "/run/flatwatt/page/token" -}}{{- end -}}
{{- $_ := set $set "influx" (dict "token_file" "/run/flatwatt/influx/token") -}}
{{- if .Values.secrets.natsCredentials }}{{- $_ := set $set "nats" (dict "credentials_file" "/run/flatwatt/nats/user.creds") -}}{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $set) -}}
{{- end }}

{{- /* What both containers have. */ -}}
{{- define "flatwatt.container" -}}
env:
  - name: GOMEMLIMIT
    valueFrom: { resourceFieldRef: { resource: limits.memory } }
resources: {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts:
  - { name: config, mountPath: /etc/flatwatt, readOnly: true }
  - { name: fleet, mountPath: /fleet, readOnly: true }
  - { name: data, mountPath: /data }
  - { name: influx, mountPath: /run/flatwatt/influx, readOnly: true }
  {{- if .Values.secrets.page }}
  - { name: page, mountPath: /run/flatwatt/page, readOnly: true }
  {{- end }}
  {{- if .Values.secrets.natsCredentials }}
  - { name: nats, mountPath: /run/flatwatt/nats, readOnly: true }
  {{- end }}
{{- end }}
