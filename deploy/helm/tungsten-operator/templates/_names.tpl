{{/* Names and labels that several objects share. */}}

{{- define "tungsten-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "tungsten-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "tungsten-operator.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "tungsten-operator.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "tungsten-operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "tungsten-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.create is false: name the ServiceAccount to use in serviceAccount.name" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "tungsten-operator.selector" -}}
app.kubernetes.io/name: {{ include "tungsten-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tungsten-operator.labels" -}}
{{ include "tungsten-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "tungsten-operator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end }}

{{/* The API version that serves MutatingAdmissionPolicy; empty where the API server has none. */}}
{{- define "tungsten-operator.mutating" -}}
{{- range list "v1" "v1beta1" -}}
{{- if $.Capabilities.APIVersions.Has (printf "admissionregistration.k8s.io/%s/MutatingAdmissionPolicy" .) -}}
{{- printf "admissionregistration.k8s.io/%s " . -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Who asked and who approved, by CEL, the same for the policy that writes it and the one that guards it. */}}
{{- define "tungsten-operator.authors" -}}
- name: was
  expression: "request.operation == 'CREATE' ? {} : oldObject.?metadata.?annotations.orValue({})"
- name: plan
  expression: "object.?spec.?approvedPlan.orValue('')"
- name: automatic
  expression: "object.?spec.?approval.orValue('') == 'Automatic'"
- name: approves
  expression: >-
    request.operation == 'CREATE' ? variables.plan != '' || variables.automatic :
    (variables.plan != '' && variables.plan != oldObject.?spec.?approvedPlan.orValue('')) ||
    (variables.automatic && oldObject.?spec.?approval.orValue('') != 'Automatic')
- name: requestedBy
  expression: "request.operation == 'CREATE' ? request.userInfo.username : variables.was[?'tungsten-operator.io/requested-by'].orValue('')"
- name: approvedBy
  expression: >-
    variables.approves ? request.userInfo.username :
    variables.plan == '' && !variables.automatic ? '' :
    variables.was[?'tungsten-operator.io/approved-by'].orValue('')
{{- end }}
