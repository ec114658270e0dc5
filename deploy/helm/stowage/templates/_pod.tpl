{{/*
What the pods of all processes have in common. Each part takes a dict: root, process (api, workers or gateway) and values (those of the
process).
*/}}

{{/* The settings that a process gets. The api never talks to vCenter, so it has no address and no account of it; a gateway has its own only. */}}
{{- define "stowage.env" -}}
{{- $process := .process -}}
{{- $own := .values.settings | default dict -}}
{{- range $name, $value := merge (dict) $own .root.Values.settings }}
{{- $isOther := or (and (eq $process "api") (has $name (list "VCENTER_URL" "VCENTER_USER" "VCENTER_CA_FILE" "VCENTER_THUMBPRINT"))) (and (eq $process "gateway") (not (regexMatch "^(STOWAGE_GATEWAY_.*|STOWAGE_LOG_.*|STOWAGE_REDIS_PREFIX|OTEL_.*)$" $name))) }}
{{- if and (or (hasKey $own $name) (not $isOther)) (ne (toString $value) "") }}
- name: {{ $name }}
  value: {{ if kindIs "float64" $value }}{{ int64 $value | toString | quote }}{{ else }}{{ toString $value | quote }}{{ end }}
{{- end }}
{{- end }}
{{- range $name, $ref := .root.Values.secrets }}
{{- if include "stowage.hasSecret" (dict "root" $.root "process" $process "secret" $name) }}
- name: {{ $name }}_FILE
  value: /run/secrets/stowage/{{ lower $name }}
{{- end }}
{{- end }}
{{- if and .root.Values.registryAuth.name (ne $process "gateway") }}
- name: STOWAGE_REGISTRY_AUTH_FILE
  value: /run/secrets/stowage/registry_auth
{{- end }}
{{- if .root.Values.gateway.enabled }}
- name: STOWAGE_GATEWAY_URI
  value: {{ required "gateway.uri: what the ESXi hosts dial, e.g. tcp://gateway.example.com:2378" .root.Values.gateway.uri | quote }}
{{- end }}
{{- end -}}

{{/* "yes", or nothing: who needs which secret. */}}
{{- define "stowage.hasSecret" -}}
{{- $needs := true -}}
{{- if and (eq .secret "STOWAGE_GATEWAY_KEY") (not .root.Values.gateway.enabled) }}{{ $needs = false }}{{ end -}}
{{- if eq .process "api" }}{{ if eq .secret "VCENTER_PASSWORD" }}{{ $needs = false }}{{ end }}{{ end -}}
{{- if eq .process "workers" }}{{ if regexMatch "^STOWAGE_(API_KEY|OIDC_.*)$" .secret }}{{ $needs = false }}{{ end }}{{ end -}}
{{- if eq .process "gateway" }}{{ if not (has .secret (list "REDIS_URL" "STOWAGE_GATEWAY_KEY")) }}{{ $needs = false }}{{ end }}{{ end -}}
{{- if $needs }}yes{{ end -}}
{{- end -}}

{{- define "stowage.volumes" -}}
- name: tmp
  emptyDir: {}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $name, $ref := .root.Values.secrets }}
      {{- if include "stowage.hasSecret" (dict "root" $.root "process" $.process "secret" $name) }}
      - secret:
          name: {{ $ref.name }}
          items: [{ key: {{ $ref.key }}, path: {{ lower $name }} }]
      {{- end }}
      {{- end }}
      {{- if and .root.Values.registryAuth.name (ne .process "gateway") }}
      - secret:
          name: {{ .root.Values.registryAuth.name }}
          items: [{ key: {{ .root.Values.registryAuth.key }}, path: registry_auth }]
      {{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "stowage.mounts" -}}
- { name: tmp, mountPath: /tmp }
- { name: secrets, mountPath: /run/secrets/stowage, readOnly: true }
{{- with .root.Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Nobody is root, and nothing but the mounts can be written. 1000 is the user `node` of the image; the group may read the secrets. */}}
{{- define "stowage.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "stowage.container" -}}
image: {{ printf "%s:%s" .root.Values.image.repository (.values.tag | default .root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: [{{ .process }}]
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
resources:
  {{- toYaml .values.resources | nindent 2 }}
{{- end -}}

{{- define "stowage.podRest" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.serviceAccount.name }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "stowage.podSecurity" . | nindent 2 }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "stowage.selector" (list .root .process) | nindent 8 }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "stowage.disruption" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "stowage.name" .root }}-{{ .process }}
  labels:
    {{- include "stowage.labels" (list .root .process) | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "stowage.selector" (list .root .process) | nindent 6 }}
{{- end -}}
