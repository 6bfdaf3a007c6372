# What a Pod template lacks for the Pod Security Standard "restricted" (and "baseline", which it contains), a line each, as
# kubernetes.io/docs/concepts/security/pod-security-standards lists it. Input: the Pod's spec.
def containers: .containers[], .initContainers[]?, .ephemeralContainers[]?;
. as $pod
| ([.hostNetwork, .hostPID, .hostIPC] | if any(. == true) then "a namespace of the host" else empty end),
  (.volumes[]? | del(.name) | keys[]
    | select(IN("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret") | not)
    | "a volume of the kind \(.)"),
  (containers | .name as $name | (.securityContext // {}) as $own
    | (if $own.privileged == true then "privileged" else empty end),
      (if $own.allowPrivilegeEscalation != false then "allowPrivilegeEscalation is not false" else empty end),
      (if ($own.capabilities.drop // []) | index("ALL") then empty else "capabilities: drop lacks ALL" end),
      (($own.capabilities.add // [])[] | select(. != "NET_BIND_SERVICE") | "the capability \(.)"),
      (if ($own.runAsNonRoot // $pod.securityContext.runAsNonRoot) == true then empty else "runAsNonRoot is not true" end),
      (if ($own.runAsUser // $pod.securityContext.runAsUser) == 0 then "runAsUser is 0" else empty end),
      (if ($own.seccompProfile.type // $pod.securityContext.seccompProfile.type) | IN("RuntimeDefault", "Localhost")
        then empty else "seccompProfile is not RuntimeDefault" end),
      (if ($own.procMount // "Default") == "Default" then empty else "procMount" end),
      (.ports[]? | select((.hostPort // 0) != 0) | "hostPort \(.hostPort)")
    | "\($name): \(.)"),
  (if .securityContext.runAsUser == 0 then "the Pod's runAsUser is 0" else empty end),
  ((.securityContext.sysctls // [])[].name | "the sysctl \(.)")
