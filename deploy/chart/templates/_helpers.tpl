{{- define "podcm-sync.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
The name of the objects. A CronJob's name has at most 52 characters, and the longest ending here has
8: `-sharded`.
*/}}
{{- define "podcm-sync.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $full .Values.fullnameOverride | trunc 44 | trimSuffix "-" }}
{{- end }}

{{- define "podcm-sync.serviceAccountName" -}}
{{- $default := .Values.serviceAccount.create | ternary (include "podcm-sync.fullname" .) "default" }}
{{- default $default .Values.serviceAccount.name }}
{{- end }}

{{/* The component that the mode runs, as in the label. */}}
{{- define "podcm-sync.component" -}}
{{- get (dict "cronjob" "sync" "sharded" "sharded-sync" "deployment" "loop") .Values.mode }}
{{- end }}

{{/* These never change, because the selector of a Deployment can't. */}}
{{- define "podcm-sync.selectorLabels" -}}
app.kubernetes.io/component: {{ include "podcm-sync.component" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/name: {{ include "podcm-sync.name" . | quote }}
{{- end }}

{{/* The labels of an object. If commonLabels has one of them, the chart's own value counts. */}}
{{- define "podcm-sync.labels" -}}
{{- $own := dict
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/managed-by" .Release.Service
  "app.kubernetes.io/name" (include "podcm-sync.name" .)
  "app.kubernetes.io/part-of" "podcm-sync"
  "app.kubernetes.io/version" .Chart.AppVersion
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
}}
{{- merge $own .Values.commonLabels | toYaml }}
{{- end }}

{{/* The labels of the workload itself. */}}
{{- define "podcm-sync.workloadLabels" -}}
{{- $own := dict "app.kubernetes.io/component" (include "podcm-sync.component" .) }}
{{- merge $own (include "podcm-sync.labels" . | fromYaml) | toYaml }}
{{- end }}

{{/* The labels of Pods. They have no versions, so that only a change of the Pod replaces it. */}}
{{- define "podcm-sync.podLabels" -}}
{{- $own := include "podcm-sync.selectorLabels" . | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/part-of" "podcm-sync" }}
{{- merge $own .Values.podLabels .Values.commonLabels | toYaml }}
{{- end }}

{{/* The metadata of an object: (list $ NAME). */}}
{{- define "podcm-sync.metadata" -}}
{{- $ := index . 0 -}}
name: {{ index . 1 | quote }}
labels:
  {{- include "podcm-sync.labels" $ | nindent 2 }}
{{- with $.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "podcm-sync.image" -}}
{{- $global := .Values.global | default dict }}
{{- $registry := $global.imageRegistry | default .Values.image.registry }}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end }}
{{- .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}
{{- else }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* Whether the platform gives each Pod its user: "true" or "". */}}
{{- define "podcm-sync.isOpenShift" -}}
{{- if eq (toString .Values.openshift) "auto" }}
{{- .Capabilities.APIVersions.Has "security.openshift.io/v1" | ternary "true" "" }}
{{- else }}
{{- .Values.openshift | ternary "true" "" }}
{{- end }}
{{- end }}

{{/* The rules of the account, as `podcm-sync rbac` prints them. */}}
{{- define "podcm-sync.rules" -}}
{{- $rights := .Files.Get "files/rights.yaml" | fromYaml }}
{{- $rules := $rights.run }}
{{- if .Values.events }}
{{- $rules = concat $rules $rights.events }}
{{- end }}
{{- toYaml $rules }}
{{- end }}

{{- define "podcm-sync.args" -}}
{{- $isLoop := eq .Values.mode "deployment" }}
{{- range .Values.namespaces }}
- -n
- {{ . | quote }}
{{- else }}
- -A
{{- end }}
{{- if $isLoop }}
- --loop
{{- if .Values.deployment.watch }}
- --watch
{{- end }}
- --interval
- {{ .Values.deployment.interval | default (ternary "10m" "60s" .Values.deployment.watch) | quote }}
{{- end }}
- --deadline
- {{ $isLoop | ternary .Values.deployment.deadline .Values.cronJob.deadline | quote }}
- --request-timeout
- {{ .Values.requestTimeout | quote }}
{{- if $isLoop }}
- --leader-elect
{{- with include "podcm-sync.fullname" . }}
{{- if ne . "podcm-sync" }}
- --lease-name
- {{ . | quote }}
{{- end }}
{{- end }}
- --listen
- {{ printf ":%v" .Values.metrics.port | quote }}
{{- end }}
{{- range .Values.maxPrune }}
- --max-prune
- {{ . | quote }}
{{- end }}
{{- range .Values.maxPruneTotal }}
- --max-prune-total
- {{ . | quote }}
{{- end }}
{{- if ne .Values.policy "sync" }}
- --policy
- {{ .Values.policy }}
{{- end }}
{{- if not .Values.events }}
- --no-events
{{- end }}
{{- if $isLoop }}
- --log-format
- json
- -o
- json
{{- else }}
{{- if .Values.cronJob.tolerateObjectFailures }}
- --tolerate-object-failures
{{- end }}
{{- with .Values.cronJob.pushGateway }}
- {{ printf "--push-gateway=%s" . | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "podcm-sync.env" -}}
{{- if eq .Values.mode "sharded" }}
- name: PODCM_SYNC_SHARDS
  value: {{ .Values.cronJob.shards | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "podcm-sync.podTemplate" -}}
metadata:
  labels:
    {{- include "podcm-sync.podLabels" . | nindent 4 }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "podcm-sync.serviceAccountName" . | quote }}
  automountServiceAccountToken: true
  # Otherwise a Service of this namespace could set variables PODCM_SYNC_…, which are options.
  enableServiceLinks: false
  {{- if ne .Values.mode "deployment" }}
  restartPolicy: Never
  {{- end }}
  terminationGracePeriodSeconds: 30
  {{- $global := .Values.global | default dict }}
  {{- with concat ($global.imagePullSecrets | default list) .Values.imagePullSecrets }}
  imagePullSecrets:
  {{- range . }}
  - name: {{ if kindIs "string" . }}{{ quote . }}{{ else }}{{ quote .name }}{{ end }}
  {{- end }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if eq .Values.mode "deployment" }}
  topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "podcm-sync.selectorLabels" $ | nindent 8 }}
  {{- end }}
  {{- end }}
  {{- $context := .Values.podSecurityContext }}
  {{- if include "podcm-sync.isOpenShift" . }}
  {{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" }}
  {{- end }}
  securityContext:
    {{- toYaml $context | nindent 4 }}
  containers:
  - name: podcm-sync
    image: {{ include "podcm-sync.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
      {{- include "podcm-sync.args" . | trim | nindent 6 }}
    {{- with include "podcm-sync.env" . | trim }}
    env:
      {{- . | nindent 6 }}
    {{- end }}
    {{- if eq .Values.mode "deployment" }}
    ports:
    - name: metrics
      containerPort: {{ .Values.metrics.port }}
    livenessProbe:
      httpGet:
        path: /healthz
        port: metrics
      periodSeconds: 20
      timeoutSeconds: 5
      failureThreshold: 3
    readinessProbe:
      httpGet:
        path: /readyz
        port: metrics
      periodSeconds: 10
      timeoutSeconds: 5
    {{- end }}
    resources:
      {{- toYaml .Values.resources | nindent 6 }}
    securityContext:
      {{- toYaml .Values.securityContext | nindent 6 }}
{{- end }}
