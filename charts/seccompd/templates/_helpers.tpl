{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{- define "seccompd.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "seccompd.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "seccompd.name" .) .Release.Name -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "seccompd.name" .) | trunc 52 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "seccompd.daemonSet" -}}
{{ include "seccompd.fullname" . }}{{ if .Values.purge.enabled }}-purge{{ end }}
{{- end }}

{{/* Cluster-wide objects of two releases in two namespaces must not meet. */}}
{{- define "seccompd.clusterName" -}}
{{ if eq (include "seccompd.fullname" .) .Release.Namespace }}{{ include "seccompd.fullname" . }}{{ else }}{{ printf "%s-%s" .Release.Namespace (include "seccompd.fullname" .) | trunc 110 }}{{ end }}
{{- end }}

{{- define "seccompd.selectorLabels" -}}
app.kubernetes.io/name: {{ include "seccompd.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "seccompd.labels" -}}
{{ include "seccompd.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: seccompd
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "seccompd.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (ternary (include "seccompd.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "seccompd.profilesNamespace" -}}
{{ .Values.profilesNamespace | default .Release.Namespace }}
{{- end }}

{{- define "seccompd.image" -}}
{{- with .Values.image -}}
{{ with .registry }}{{ . }}/{{ end }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- define "seccompd.audits" -}}{{ if ne .Values.mode "install" }}true{{ end }}{{- end }}
{{- define "seccompd.installs" -}}{{ if ne .Values.mode "audit" }}true{{ end }}{{- end }}
{{- define "seccompd.bundles" -}}{{ if and (include "seccompd.audits" .) .Values.bundles.enabled }}true{{ end }}{{- end }}
{{- define "seccompd.gates" -}}{{ if and (include "seccompd.installs" .) (eq .Values.nodeGate.mode "taint") (not .Values.purge.enabled) }}true{{ end }}{{- end }}

{{- define "seccompd.securityContext" -}}
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsUser: 0
runAsGroup: 0
capabilities:
  drop: [ALL]
  {{- if .capabilities }}
  add: [BPF, PERFMON]
  {{- end }}
{{- end }}

{{/* Of every pod here: the runtime's default filter, and no file of the pod is group-owned. */}}
{{- define "seccompd.podSecurityContext" -}}
seccompProfile: {type: RuntimeDefault}
{{- if .Values.openshift.enabled }}
seLinuxOptions: {type: spc_t}
{{- end }}
{{- end }}

{{- define "seccompd.placement" -}}
priorityClassName: {{ .Values.priorityClassName }}
nodeSelector: {{- toYaml .Values.nodeSelector | nindent 2 }}
{{- if .Values.affinity }}
affinity: {{- toYaml .Values.affinity | nindent 2 }}
{{- else if .Values.excludeNodes }}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions: {{- toYaml .Values.excludeNodes | nindent 12 }}
{{- end }}
tolerations: {{- toYaml .Values.tolerations | nindent 2 }}
{{- end }}

{{- define "seccompd.args" -}}
- run
- --mode={{ .Values.mode }}
- --source=kubernetes
- --profiles.namespace={{ include "seccompd.profilesNamespace" . }}
{{- with .Values.tenantNamespaces }}
- --profiles.tenant-namespace={{ join "," . }}
{{- end }}
- --pods={{ .Values.pods }}
{{- if eq .Values.pods "kubelet" }}
- --kubelet.address=$(NODE_IP)
{{- end }}
- --seccomp-root={{ .Values.kubeletRoot }}/seccomp
{{- if include "seccompd.audits" . }}
- --path.cgroupfs=/host/sys/fs/cgroup
- --evidence={{ .Values.evidence }}
- --node-default={{ .Values.nodeDefault }}
{{- end }}
{{- if include "seccompd.bundles" . }}
- --bundles=/host/bundles/{{ .Values.bundles.glob }}
{{- end }}
{{- if include "seccompd.installs" . }}
{{- if ne .Values.weakening "warn" }}
- --weakening={{ .Values.weakening }}
{{- end }}
- --delete-grace={{ .Values.deleteGrace }}
{{- end }}
{{- if .Values.checks }}
- --checks.watch=true
{{- end }}
- --events={{ .Values.events.enabled }}
{{- if include "seccompd.gates" . }}
- --node-gate=taint
- --node-gate.taint-key={{ .Values.nodeGate.taintKey }}
{{- end }}
- --web.listen-address=:{{ .Values.web.port }}
{{- with .Values.web.configSecret }}
- --web.config.file=/etc/seccompd/web/web.yaml
{{- end }}
{{- if .Values.web.detail }}
- --web.detail
{{- end }}
{{- if ne .Values.metrics.level "full" }}
- --metrics.level={{ .Values.metrics.level }}
{{- end }}
- --log.level={{ .Values.log.level }}
- --log.format={{ .Values.log.format }}
{{- if .Values.config }}
- --config=/etc/seccompd/config.yaml
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* A read-only bind mount leaves mounts below it writable; from 1.31 the kubelet can close that. */}}
{{- define "seccompd.readOnly" -}}
readOnly: true
{{- if semverCompare ">=1.31.0-0" .Capabilities.KubeVersion.Version }}
recursiveReadOnly: IfPossible
{{- end }}
{{- end }}

{{/* A ConfigMap of profiles or checks. A value that is no text is written as JSON under a .json key's
   rules: YAML is a superset of it, so the key may end in either. */}}
{{- define "seccompd.contentMap" }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
  namespace: {{ include "seccompd.profilesNamespace" .root }}
  labels:
    {{- include "seccompd.labels" .root | nindent 4 }}
    {{ .label }}: "true"
  {{- with .map.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
data:
  {{- range $key, $value := .map.data }}
  {{ $key }}: {{ if kindIs "string" $value }}{{ toJson $value }}{{ else }}{{ toPrettyJson $value | toJson }}{{ end }}
  {{- end }}
{{- end }}
