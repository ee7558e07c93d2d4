{{- define "drover.labels" -}}
app.kubernetes.io/part-of: drover
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- /* Labels of a component: dict "root" $ "component" "operator" */ -}}
{{- define "drover.componentLabels" -}}
{{ include "drover.selectorLabels" . }}
{{ include "drover.labels" .root }}
{{- end -}}

{{- define "drover.selectorLabels" -}}
app.kubernetes.io/name: drover-{{ .component }}
{{- end -}}

{{- /* Reference of an image: dict "root" $ "image" .Values.operator.image */ -}}
{{- define "drover.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- /* Asked at the pod's address, unless it listens at another one only. */ -}}
{{- define "drover.httpGet" -}}
httpGet:
  path: {{ .path }}
  port: http
  {{- with .values.httpAddress }}
  {{- if not (has . (list "0.0.0.0" "::")) }}
  host: {{ . | quote }}
  {{- end }}
  {{- end }}
{{- end -}}

{{- define "drover.httpProbes" -}}
startupProbe:
  {{- include "drover.httpGet" (dict "path" "/livez" "values" .) | nindent 2 }}
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  {{- include "drover.httpGet" (dict "path" "/livez" "values" .) | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  {{- include "drover.httpGet" (dict "path" "/readyz" "values" .) | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{- /*
Start of a policy that holds the daemons to their own node. The node's name is a claim of the pod-bound token, which
the API server has checked; a token without it (of a Secret, of a pod that is not bound to a node) is refused.
*/ -}}
{{- define "drover.daemonMatchConditions" -}}
matchConditions:
  - name: is-a-node-daemon
    expression: request.userInfo.username == 'system:serviceaccount:{{ .Release.Namespace }}:drover-node-daemon'
{{- end -}}

{{- define "drover.nodeVariable" -}}
- name: node
  expression: >-
    request.userInfo.?extra['authentication.kubernetes.io/node-name'].orValue([''])[0]
{{- end -}}

{{- define "drover.nodeValidation" -}}
- expression: variables.node != ''
  message: the daemon's token must be bound to a pod on a node
  reason: Forbidden
{{- end -}}

{{- define "drover.denyBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "drover.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
{{- end -}}

{{- /*
What docs/security.md has the reasons for. Connections are looked up by what libvirtd and QEMU have open (SYS_PTRACE; DAC_READ_SEARCH for
a QEMU of another user) and broken by SOCK_DESTROY (NET_ADMIN); the host's key is given to QEMU's group (CHOWN); AppArmor's default profile for containers lets neither be looked at nor signalled.
*/ -}}
{{- define "drover.daemonSecurityContext" -}}
readOnlyRootFilesystem: true
runAsUser: 0
{{- if .privileged }}
privileged: true
{{- else }}
privileged: false
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
  {{- $added := list }}
  {{- if eq .breakConnections "Allowed" }}
  {{- $added = list "NET_ADMIN" "SYS_PTRACE" "DAC_READ_SEARCH" }}
  {{- end }}
  {{- if .chown }}
  {{- $added = append $added "CHOWN" }}
  {{- end }}
  {{- with $added }}
  add: [{{ join ", " . }}]
  {{- end }}
seccompProfile:
  type: RuntimeDefault
{{- if or (eq .breakConnections "Allowed") (eq .restartLibvirt "Allowed") }}
appArmorProfile:
  type: Unconfined
{{- end }}
{{- end }}
{{- end -}}

{{- /* What the Pod Security level `restricted` asks of a container; the pod's part is in the templates. */ -}}
{{- define "drover.restrictedSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "drover.restrictedPodSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "drover.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{- /* "true" if the daemons see to the hosts' certificates, else nothing. */ -}}
{{- define "drover.managedCertificates" -}}
{{- if and (eq .Values.nodeDaemon.peerTransport "tls") (eq .Values.certificates.source "Managed") -}}
true
{{- end -}}
{{- end -}}

{{- /* "true" if the operator signs, too, else nothing. */ -}}
{{- define "drover.ownSigner" -}}
{{- if and (include "drover.managedCertificates" .) (hasPrefix "drover.dev/" .Values.certificates.signerName) -}}
true
{{- end -}}
{{- end -}}

{{- define "drover.caSecret" -}}
{{ .Values.certificates.caSecret | default "drover-ca" }}
{{- end -}}

{{- define "drover.caConfigMap" -}}
{{ .Values.certificates.caConfigMap | default "drover-ca" }}
{{- end -}}
