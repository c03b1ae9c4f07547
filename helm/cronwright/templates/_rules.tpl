{{/* What the operator does in each namespace that it serves. */}}
{{- define "cronwright.operatorRules" -}}
- apiGroups: [cronwright.dev]
  resources: [tasks]
  verbs: [get, list, watch]
- apiGroups: [cronwright.dev]
  resources: [tasks/status]
  verbs: [get, patch]
# delete, because some clusters ask for it of who changes an object's owner (OwnerReferencesPermissionEnforcement).
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [batch]
  resources: [cronjobs/status]
  verbs: [get, patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
# patch, to ask the pod of a loop to end by itself.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [list, create]
{{- end }}

{{/*
What the API reads as itself: the owners of a pod that posts an event, and the Tasks, which it remembers. Who may see
them it asks with the caller's own token, and writes go out with that, too.
*/}}
{{- define "cronwright.apiRules" -}}
- apiGroups: [cronwright.dev]
  resources: [tasks]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: [get]
{{- end }}
