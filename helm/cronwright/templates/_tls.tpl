{{/* Fails, with one sentence, where what the values say of TLS does not fit together. What a value may be is in values.schema.json. */}}
{{- define "cronwright.checkTls" -}}
{{- $tls := .Values.api.tls }}
{{- $of := include "cronwright.tlsMode" . }}
{{- if and (eq $of "given") (not $tls.secretName) }}
{{- fail "api.tls.mode is given, but no Secret is named; write api.tls.secretName: the name of a Secret of type kubernetes.io/tls in the release's namespace" }}
{{- end }}
{{- if and (eq $of "certManager") (not $tls.issuerRef.name) }}
{{- fail "api.tls.mode is certManager, but no issuer is named; write api.tls.issuerRef.name: the name of an Issuer in the release's namespace, or of a ClusterIssuer with api.tls.issuerRef.kind: ClusterIssuer" }}
{{- end }}
{{- range $value, $mode := dict "secretName" "given" "caKey" "given" }}
{{- if and (index $tls $value) (ne $of $mode) }}
{{- fail (printf "api.tls.%s is set, but api.tls.mode is %s; write api.tls.mode: %s, or leave api.tls.%s empty" $value $of $mode $value) }}
{{- end }}
{{- end }}
{{- if eq $tls.caKey "tls.key" }}
{{- fail "api.tls.caKey is tls.key, which holds the private key; write the key of the Secret that holds the authority's certificates, such as ca.crt" }}
{{- end }}
{{- if and $tls.issuerRef.name (ne $of "certManager") }}
{{- fail (printf "api.tls.issuerRef.name is set, but api.tls.mode is %s; write api.tls.mode: certManager, or leave api.tls.issuerRef.name empty" $of) }}
{{- end }}
{{- if and $tls.dnsNames (not (has $of (list "selfSigned" "certManager"))) }}
{{- fail (printf "api.tls.dnsNames is set, but api.tls.mode is %s, so the release makes no certificate; leave it empty, or write api.tls.mode: selfSigned or certManager" $of) }}
{{- end }}
{{- end }}

{{/* A values file's bare off is false. */}}
{{- define "cronwright.tlsMode" -}}
{{- .Values.api.tls.mode | default "off" }}
{{- end }}

{{/* https, or http where TLS is off: the URLs' scheme, and the name of the API's port. */}}
{{- define "cronwright.apiScheme" -}}
{{- eq (include "cronwright.tlsMode" .) "off" | ternary "http" "https" }}
{{- end }}

{{/* The Secret with the API's certificate. */}}
{{- define "cronwright.tlsSecret" -}}
{{- .Values.api.tls.secretName | default (printf "%s-api-tls" (include "cronwright.fullname" .)) }}
{{- end }}

{{/* The key of that Secret with the certificates that the API's is checked against; empty means those of the images. */}}
{{- define "cronwright.tlsCaKey" -}}
{{- if eq (include "cronwright.tlsMode" .) "given" }}
{{- .Values.api.tls.caKey }}
{{- else if ne (include "cronwright.tlsMode" .) "off" }}
{{- /* cert-manager's own name for it, too. */ -}}
ca.crt
{{- end }}
{{- end }}

{{/* By what names the API is reached: its Service in all forms, a forwarded port, and those of the values. */}}
{{- define "cronwright.tlsNames" -}}
{{- $service := printf "%s-api" (include "cronwright.fullname" .) }}
{{- $namespace := .Release.Namespace }}
{{- $names := list $service (printf "%s.%s" $service $namespace) (printf "%s.%s.svc" $service $namespace) (printf "%s.%s.svc.%s" $service $namespace .Values.api.tls.clusterDomain) "localhost" }}
{{- concat $names .Values.api.tls.dnsNames | uniq | toJson }}
{{- end }}
