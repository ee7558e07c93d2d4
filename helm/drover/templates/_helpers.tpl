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

{{- define "drover.httpProbes" -}}
startupProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: http}
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
