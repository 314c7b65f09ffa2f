//! Every rule fires where it should and nowhere else: a row changes a cluster in which nothing is wrong, and names all that is
//! found then.

use proptest::prelude::*;

use super::*;

/// openshift-sdn: a namespace with an address on node1, and a router with one of its own.
const SDN: &str = r#"
{ kind: Network, apiVersion: config.openshift.io/v1, metadata: { name: cluster }, status: { networkType: OpenShiftSDN } }
---
{ kind: Node, apiVersion: v1, metadata: { name: node1, labels: { site: one } }, status: { addresses: [{ type: InternalIP, address: 192.168.12.11 }] } }
---
{ kind: Node, apiVersion: v1, metadata: { name: node2, labels: { site: two } }, status: { addresses: [{ type: InternalIP, address: 192.168.12.12 }] } }
---
{ kind: HostSubnet, apiVersion: network.openshift.io/v1, metadata: { name: node1 }, host: node1, hostIP: 192.168.12.11, egressIPs: ["192.168.12.99"] }
---
{ kind: HostSubnet, apiVersion: network.openshift.io/v1, metadata: { name: node2 }, host: node2, hostIP: 192.168.12.12, egressIPs: [] }
---
{ kind: NetNamespace, apiVersion: network.openshift.io/v1, metadata: { name: herasoo }, netname: herasoo, netid: 7, egressIPs: ["192.168.12.99"] }
---
{ kind: NetNamespace, apiVersion: network.openshift.io/v1, metadata: { name: other }, netname: other, netid: 8, egressIPs: [] }
---
{ kind: Pod, apiVersion: v1, metadata: { name: web, namespace: herasoo, labels: { app: web } }, spec: { nodeName: node2 }, status: { phase: Running, podIP: 10.129.0.7 } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: router, namespace: herasoo }
spec:
  replicas: 1
  strategy: { type: Recreate }
  selector: { matchLabels: { app: router } }
  template:
    metadata:
      labels: { app: router }
      annotations: { pod.network.openshift.io/assign-macvlan: "true" }
    spec:
      nodeName: node1
      initContainers:
      - name: setup
        securityContext: { privileged: true }
        env:
        - { name: EGRESS_SOURCE, value: 192.168.12.110/24 }
        - { name: EGRESS_GATEWAY, value: 192.168.12.1 }
        - { name: EGRESS_ROUTER_MODE, value: init }
        - name: EGRESS_DESTINATION
          value: "80 tcp 203.0.113.25\n8443 tcp 203.0.113.26 443"
---
{ kind: Service, apiVersion: v1, metadata: { name: router, namespace: herasoo }, spec: { selector: { app: router }, ports: [{ port: 80 }, { port: 443, targetPort: 8443 }] } }
"#;

/// OVN-Kubernetes: two namespaces with an `EgressIP` each.
const OVN: &str = r#"
{ kind: Network, apiVersion: config.openshift.io/v1, metadata: { name: cluster }, status: { networkType: OVNKubernetes } }
---
{ kind: Node, apiVersion: v1, metadata: { name: node1, labels: { "k8s.ovn.org/egress-assignable": "" } }, status: { addresses: [{ type: InternalIP, address: 192.168.12.11 }] } }
---
{ kind: Namespace, apiVersion: v1, metadata: { name: herasoo, labels: { team: blue } } }
---
{ kind: Namespace, apiVersion: v1, metadata: { name: other, labels: { team: red } } }
---
{ kind: Pod, apiVersion: v1, metadata: { name: web, namespace: herasoo, labels: { app: web } }, spec: { nodeName: node1 }, status: { phase: Running, podIP: 10.128.0.5 } }
---
{ kind: Pod, apiVersion: v1, metadata: { name: web, namespace: other, labels: { app: web } }, spec: { nodeName: node1 }, status: { phase: Running, podIP: 10.128.0.6 } }
---
apiVersion: k8s.ovn.org/v1
kind: EgressIP
metadata: { name: blue }
spec: { egressIPs: [192.168.12.99], namespaceSelector: { matchLabels: { team: blue } }, podSelector: { matchLabels: { app: web } } }
status: { items: [{ node: node1, egressIP: 192.168.12.99 }] }
---
apiVersion: k8s.ovn.org/v1
kind: EgressIP
metadata: { name: red }
spec: { egressIPs: [192.168.12.98], namespaceSelector: { matchLabels: { team: red } } }
status: { items: [{ node: node1, egressIP: 192.168.12.98 }] }
"#;

fn report(text: &str) -> Report {
    let mut objects = Objects::default();
    objects.add("cluster.yaml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let assumed = Assumed::default();
    let derived = Derived::of(&objects, &assumed);
    lint(&objects, &derived, &assumed, &[])
}

/// `id` of an error, `id?` of anything less, by their names.
fn found(text: &str) -> Vec<String> {
    let shown = |finding: &Finding| match finding.severity {
        Severity::Error => finding.rule.to_string(),
        _ => format!("{}?", finding.rule),
    };
    report(text).findings.iter().map(shown).collect()
}

/// What a row puts in the place of something in the cluster, or adds where that is empty; and all that is found.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

const RULES: &str = r#""80 tcp 203.0.113.25\n8443 tcp 203.0.113.26 443""#;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // What the router reads
    (SDN, RULES, r#""80\t tcp 203.0.113.25""#, &["tab-between-fields"]),
    (SDN, RULES, r#""80 tcp 203.0.113.25 # partner""#, &["inline-comment"]),
    (SDN, RULES, r##""# partner\n80 tcp 203.0.113.25 \t\n8443 tcp 203.0.113.26 443""##, &[]),
    (SDN, RULES, r#""80 tcp 203.0.113.25\r\n8443 tcp 203.0.113.26 443\r""#, &["crlf-line-end", "crlf-line-end"]),
    (SDN, RULES, r#""80 TCP 203.0.113.25""#, &["upper-case-protocol"]),
    (SDN, RULES, r#""80 sctp 203.0.113.25""#, &["unknown-protocol"]),
    (SDN, RULES, r#""80-90 tcp 203.0.113.25""#, &["port-range"]),
    (SDN, RULES, r#""0 tcp 203.0.113.25""#, &["bad-port"]),
    (SDN, RULES, r#""80 tcp 203.0.113.25 70000""#, &["bad-port"]),
    (SDN, RULES, r#""53 tcp 203.0.113.25\n53 tcp 203.0.113.26""#, &["duplicate-local-port"]),
    (SDN, RULES, r#""53 tcp 203.0.113.25\n53 udp 203.0.113.25""#, &["duplicate-local-port"]),
    (SDN, RULES, r#""203.0.113.27\n80 tcp 203.0.113.25""#, &["fallback-not-last"]),
    (SDN, RULES, r#""80 tcp 203.0.113.25\n8443 tcp 203.0.113.26 443\n203.0.113.27""#, &[]),
    (SDN, RULES, r#""80 tcp api.partner.example""#, &["name-for-address"]),
    (SDN, RULES, r#""80 tcp fd00::1""#, &["ipv6-destination"]),
    (SDN, RULES, r#""80 tcp 203.0.113.25/32""#, &["unexpected-prefix"]),
    (SDN, "value: 192.168.12.1 }", "value: 192.168.12.1/24 }", &["unexpected-prefix"]),
    (SDN, "- { name: EGRESS_GATEWAY, value: 192.168.12.1 }", "", &["missing-variable"]),
    (SDN, RULES, r#""eighty""#, &["bad-value"]),
    (SDN, "value: init", "value: Init", &["bad-value"]),
    (SDN, RULES, r#""80 tcp 203.0.113.999\n8443 tcp 203.0.113.26 443""#, &["service-port-without-rule", "doubtful-value"]),
    (SDN, "value: 192.168.12.1 }", "valueFrom: { configMapKeyRef: { name: a, key: b } } }", &["value-elsewhere?"]),
    // How its pods are made
    (SDN, "replicas: 1", "replicas: 2", &["replicas-not-one"]),
    (SDN, "replicas: 1", "replicas: 0", &["replicas-not-one"]),
    (SDN, "  replicas: 1\n", "", &[]),
    (SDN, "type: Recreate", "type: RollingUpdate", &["rolling-update-runs-two?"]),
    (SDN, "  strategy: { type: Recreate }\n", "", &["rolling-update-runs-two?"]),
    (SDN, "type: Recreate", "rollingUpdate: { maxSurge: 0 }", &[]),
    (SDN, "type: Recreate", "rollingUpdate: { maxSurge: 1 }", &["rolling-update-runs-two?"]),
    (SDN, r#"annotations: { pod.network.openshift.io/assign-macvlan: "true" }"#, "", &["macvlan-annotation"]),
    (SDN, r#"assign-macvlan: "true""#, r#"assign-macvlan: "false""#, &["macvlan-annotation"]),
    (SDN, r#"assign-macvlan: "true""#, r#"assign-macvlan: "eth1""#, &[]),
    (SDN, "privileged: true", "privileged: false", &["not-privileged"]),
    (SDN, "        securityContext: { privileged: true }\n", "", &["not-privileged"]),
    (SDN, "value: 192.168.12.1 }", "value: 192.168.13.1 }", &["source-outside-subnet"]),
    (SDN, "value: 192.168.12.110/24", "value: 192.168.12.110", &[]),
    (SDN, "value: 192.168.12.110/24", "value: 10.0.0.110", &["source-in-no-node-subnet?", "source-outside-subnet?"]),
    (SDN, "value: 192.168.12.110/24", "value: 192.168.12.1", &["source-outside-subnet"]),
    (SDN, "{ name: EGRESS_SOURCE, value: 192.168.12.110/24 }\n        - { name: EGRESS_GATEWAY, value: 192.168.12.1 }",
        "{ name: EGRESS_SOURCE, value: 192.168.20.110/24 }\n        - { name: EGRESS_GATEWAY, value: 192.168.20.1 }", &["source-in-no-node-subnet"]),
    // Who claims an address
    (SDN, "value: 192.168.12.110/24", "value: 192.168.12.99/24", &["source-is-egress-ip"]),
    (SDN, r#"egressIPs: ["192.168.12.99"] }
---
{ kind: HostSubnet"#, r#"egressIPs: ["192.168.12.99", "192.168.12.110"] }
---
{ kind: HostSubnet"#, &["source-is-egress-ip?"]),
    (SDN, "value: 192.168.12.110/24", "value: 192.168.12.12/24", &["source-is-node-address"]),
    (SDN, "hostIP: 192.168.12.12, egressIPs: []", r#"hostIP: 192.168.12.12, egressIPs: ["192.168.12.99"]"#, &["address-on-two-nodes"]),
    (SDN, "netid: 8, egressIPs: []", r#"netid: 8, egressIPs: ["192.168.12.99"]"#, &["address-in-two-namespaces"]),
    (SDN, "netid: 8, egressIPs: []", r#"netid: 8, egressIPs: ["192.168.12.98"]"#, &["address-on-no-node"]),
    (SDN, "hostIP: 192.168.12.12, egressIPs: [] }\n---\n{ kind: NetNamespace, apiVersion: network.openshift.io/v1, metadata: { name: herasoo }, netname: herasoo, netid: 7, egressIPs: [\"192.168.12.99\"]",
        "hostIP: 192.168.12.12, egressIPs: [\"192.168.12.98\", \"192.168.12.97\"] }\n---\n{ kind: NetNamespace, apiVersion: network.openshift.io/v1, metadata: { name: herasoo }, netname: herasoo, netid: 7, egressIPs: [\"192.168.12.99\", \"192.168.12.98\", \"192.168.12.97\"]",
        &["two-addresses-on-one-node"]),
    (SDN, "hostIP: 192.168.12.12, egressIPs: [] }\n---\n{ kind: NetNamespace, apiVersion: network.openshift.io/v1, metadata: { name: herasoo }, netname: herasoo, netid: 7, egressIPs: [\"192.168.12.99\"]",
        "hostIP: 192.168.12.12, egressIPs: [\"192.168.12.98\"] }\n---\n{ kind: NetNamespace, apiVersion: network.openshift.io/v1, metadata: { name: herasoo }, netname: herasoo, netid: 7, egressIPs: [\"192.168.12.99\", \"192.168.12.98\"]", &[]),
    (SDN, "", "---\n{ kind: EgressRouter, apiVersion: network.operator.openshift.io/v1, metadata: { name: second, namespace: other }, spec: { addresses: [{ ip: 192.168.12.110/24, gateway: 192.168.12.1 }] } }\n", &["address-in-two-objects"]),
    (SDN, "", "---\n{ kind: EgressRouter, apiVersion: network.operator.openshift.io/v1, metadata: { name: second, namespace: other }, spec: { addresses: [{ ip: 192.168.12.111/24, gateway: 192.168.13.1 }] } }\n", &["source-outside-subnet"]),
    (OVN, "egressIPs: [192.168.12.98]", "egressIPs: [192.168.12.99]", &["address-in-two-objects", "egress-ip-status-differs?"]),
    (OVN, "egressIPs: [192.168.12.98]", "egressIPs: [192.168.12.11]", &["source-is-node-address", "egress-ip-status-differs?"]),
    (SDN, "", "---\n{ kind: EgressRouter, apiVersion: network.operator.openshift.io/v1, metadata: { name: second, namespace: other }, spec: { addresses: [{ ip: 192.168.12.111/24, gateway: 192.168.12.1 }, { ip: 192.168.12.112/24 }] } }\n", &["doubtful-value?"]),
    (SDN, "", "---\n{ kind: EgressRouter, apiVersion: network.operator.openshift.io/v1, metadata: { name: second, namespace: other }, spec: { addresses: [{ ip: 'fd00:12::111/64' }], redirect: { redirectRules: [{ destinationIP: '2001:db8::1', port: 80, protocol: TCP, targetPort: 8080 }] } } }\n", &["doubtful-value"]),
    (SDN, "", "---\n{ kind: EgressRouter, apiVersion: network.operator.openshift.io/v1, metadata: { name: second, namespace: other }, spec: { addresses: [{ ip: 'fd00:12::111/64' }], redirect: { redirectRules: [{ destinationIP: '2001:db8::1', port: 80, protocol: TCP }] } } }\n", &[]),
    // Services
    (SDN, "{ port: 80 }", "{ port: 80 }, { port: 8080 }", &["service-port-without-rule"]),
    (SDN, "{ port: 80 }", "{ port: 80 }, { port: 80, protocol: UDP }", &["service-port-without-rule"]),
    (SDN, "targetPort: 8443", "targetPort: https", &["rule-without-service-port?", "service-port-without-rule"]),
    (SDN, "{ port: 80 }, ", "", &["rule-without-service-port?"]),
    (SDN, "selector: { app: router }, ports", "selector: { app: route }, ports", &["service-selects-no-router"]),
    (SDN, "metadata: { name: router, namespace: herasoo }, spec: { selector", "metadata: { name: router, namespace: other }, spec: { selector", &["service-selects-no-router"]),
    (SDN, "selector: { app: router }, ports", "selector: { app: web }, ports", &[]),
    // Where pods run
    (SDN, "nodeName: node1\n", "nodeName: node3\n", &["router-off-node"]),
    (SDN, "nodeName: node1\n", "nodeSelector: { site: one }\n", &[]),
    (SDN, "nodeName: node1\n", "nodeSelector: { site: three }\n", &["router-off-node"]),
    (SDN, "address: 192.168.12.12 }] } }\n---\n{ kind: HostSubnet", "address: 192.168.20.12 }] } }\n---\n{ kind: HostSubnet", &[]),
    (SDN, "labels: { site: one }", r#"labels: { site: one, node-role.kubernetes.io/infra: "" }"#, &[]),
    (SDN, "labels: { site: two }", r#"labels: { site: two, node-role.kubernetes.io/infra: "" }"#, &["application-on-infra-node?"]),
    (SDN, "labels: { site: two }", "labels: { site: two, region: infra }", &["application-on-infra-node?"]),
    // Whom an address is for
    (OVN, "matchLabels: { team: blue }", "matchLabels: { team: green }", &["egress-ip-selects-nothing?"]),
    (OVN, "podSelector: { matchLabels: { app: web } }", "podSelector: { matchLabels: { app: db } }", &["egress-ip-selects-nothing?"]),
    (OVN, "items: [{ node: node1, egressIP: 192.168.12.98 }]", "items: []", &["egress-ip-unassigned"]),
    (OVN, "\nstatus: { items: [{ node: node1, egressIP: 192.168.12.98 }] }", "", &[]),
    (OVN, "matchLabels: { team: red }", "matchExpressions: [{ key: team, operator: Exists }]", &["overlapping-egress-ips?"]),
    (SDN, "spec: { nodeName: node2 }", "spec: { nodeName: node2, hostNetwork: true }", &["host-network-under-egress?"]),
    (OVN, "labels: { app: web } }, spec: { nodeName: node1 }, status: { phase: Running, podIP: 10.128.0.5 }",
        "labels: { app: web } }, spec: { nodeName: node1, hostNetwork: true }, status: { phase: Running, podIP: 10.128.0.5 }", &["host-network-under-egress?"]),
    // What is forbidden
    (SDN, "", "---\n{ kind: EgressNetworkPolicy, apiVersion: network.openshift.io/v1, metadata: { name: d, namespace: herasoo }, spec: { egress: [{ type: Deny, to: { cidrSelector: 0.0.0.0/0 } }] } }\n",
        &["destination-denied?", "destination-denied?", "destination-denied"]),
    (SDN, "", "---\n{ kind: EgressNetworkPolicy, apiVersion: network.openshift.io/v1, metadata: { name: d, namespace: herasoo }, spec: { egress: [{ type: Deny, to: { cidrSelector: 203.0.113.25/32 } }] } }\n",
        &["destination-denied?"]),
    (SDN, "", "---\n{ kind: EgressNetworkPolicy, apiVersion: network.openshift.io/v1, metadata: { name: d, namespace: herasoo }, spec: { egress: [{ type: Allow, to: { cidrSelector: 203.0.113.0/24 } }, { type: Deny, to: { cidrSelector: 0.0.0.0/0 } }] } }\n",
        &[]),
    (OVN, "", "---\n{ kind: EgressFirewall, apiVersion: k8s.ovn.org/v1, metadata: { name: default, namespace: herasoo }, spec: { egress: [{ type: Deny, to: { cidrSelector: 0.0.0.0/0 } }] } }\n",
        &["destination-denied"]),
    (OVN, "", "---\n{ kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: { name: none, namespace: herasoo }, spec: { podSelector: {}, policyTypes: [Egress] } }\n",
        &["destination-denied"]),
    (OVN, "", "---\n{ kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: { name: none, namespace: herasoo }, spec: { podSelector: {}, policyTypes: [Egress], egress: [{ to: [{ ipBlock: { cidr: 203.0.113.0/24 } }] }] } }\n",
        &[]),
    // Routers that end connections
    (SDN, "{ name: EGRESS_ROUTER_MODE, value: init }", "{ name: EGRESS_ROUTER_MODE, value: http-proxy }\n        - { name: EGRESS_HTTP_PROXY_DESTINATION, value: '*.partner.example' }",
        &["service-port-without-rule", "service-port-without-rule", "rule-without-service-port?"]),
    (SDN, "{ name: EGRESS_ROUTER_MODE, value: init }", "{ name: EGRESS_ROUTER_MODE, value: http-proxy }", &["missing-variable"]),
    (SDN, "{ name: EGRESS_ROUTER_MODE, value: init }", "{ name: EGRESS_ROUTER_MODE, value: http-proxy }\n        - { name: EGRESS_HTTP_PROXY_DESTINATION, value: \"*\\na.partner.example\" }", &["fallback-not-last"]),
    (SDN, "{ name: EGRESS_ROUTER_MODE, value: init }", "{ name: EGRESS_ROUTER_MODE, value: dns-proxy }\n        - { name: EGRESS_DNS_PROXY_DESTINATION, value: \"80 a.example\\n8443 203.0.113.26 443\" }", &[]),
    (SDN, "{ name: EGRESS_ROUTER_MODE, value: init }", "{ name: EGRESS_ROUTER_MODE, value: dns-proxy }\n        - { name: EGRESS_DNS_PROXY_DESTINATION, value: \"80 a.example\\n8443 203.0.113.26 443\\n25 mx.example\" }", &["rule-without-service-port?"]),
    (SDN, "{ name: EGRESS_ROUTER_MODE, value: init }", "{ name: EGRESS_ROUTER_MODE, value: dns-proxy }\n        - { name: EGRESS_DNS_PROXY_DESTINATION, value: \"80 a.example\\n8443 203.0.113.999 443\" }", &["doubtful-value"]),
    (SDN, "{ name: EGRESS_ROUTER_MODE, value: init }", "{ name: EGRESS_ROUTER_MODE, value: dns-proxy }\n        - { name: EGRESS_DNS_PROXY_DESTINATION, value: \"80\\ta.example\" }", &["tab-between-fields"]),
    // Between clients and the router
    (SDN, "", "---\n{ kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: { name: none, namespace: herasoo }, spec: { podSelector: {} } }\n",
        &["router-unreachable?"]),
    (SDN, "", "---\n{ kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: { name: web, namespace: herasoo }, spec: { podSelector: { matchLabels: { app: web } }, policyTypes: [Ingress] } }\n",
        &[]),
    (SDN, "", "---\n{ kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: { name: same, namespace: herasoo }, spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] } }\n",
        &[]),
    (SDN, "", "---\n{ kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: { name: port, namespace: herasoo }, spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080 }] }] } }\n",
        &["router-unreachable?"]),
    (SDN, "", "---\n{ kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: { name: port, namespace: herasoo }, spec: { podSelector: {}, ingress: [{ ports: [{ port: 8000, endPort: 9000 }] }] } }\n",
        &[]),
    (SDN, "", "---\n{ kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: { name: out, namespace: herasoo }, spec: { podSelector: { matchLabels: { app: web } }, policyTypes: [Egress], egress: [{ to: [{ podSelector: { matchLabels: { app: db } } }, { ipBlock: { cidr: 0.0.0.0/0, except: [10.128.0.0/14] } }] }] } }\n---\n{ kind: Pod, apiVersion: v1, metadata: { name: router, namespace: herasoo, labels: { app: router } }, spec: { nodeName: node1 }, status: { phase: Running, podIP: 10.128.0.20 } }\n",
        &["router-unreachable?"]),
    (SDN, "", "---\n{ kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: { name: out, namespace: herasoo }, spec: { podSelector: { matchLabels: { app: web } }, policyTypes: [Egress], egress: [{ to: [{ podSelector: { matchLabels: { app: router } } }] }, { to: [{ ipBlock: { cidr: 203.0.113.0/24 } }] }] } }\n",
        &[]),
    (SDN, "", "---\n{ kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: { name: out, namespace: other }, spec: { podSelector: {}, policyTypes: [Egress] } }\n",
        &[]),
    // What the status says
    (OVN, "egressIPs: [192.168.12.99]", "egressIPs: [192.168.12.99, 192.168.12.97]", &["egress-ip-status-differs?"]),
    (OVN, "egressIPs: [192.168.12.99]", "egressIPs: [192.168.12.97]", &["egress-ip-status-differs?"]),
    // The downward API
    (SDN, "spec: { nodeName: node2 }", "spec: { nodeName: node2, containers: [{ name: c, env: [{ name: NODE_IP, valueFrom: { fieldRef: status.hostIP } }] }] }", &["bad-field-ref"]),
    (SDN, "spec: { nodeName: node2 }", "spec: { nodeName: node2, containers: [{ name: c, env: [{ name: NODE_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }] }] }", &["bad-field-ref"]),
    (SDN, "spec: { nodeName: node2 }", "spec: { nodeName: node2, containers: [{ name: c, env: [{ name: NODE_IP, valueFrom: { fieldRef: { fieldPath: status.hostIP } } }, { name: OTHER, valueFrom: { fieldRef: { fieldPath: status.podIP } } }] }] }", &[]),
];

fn changed(base: &str, from: &str, to: &str) -> String {
    if from.is_empty() {
        return format!("{base}{to}");
    }
    assert!(base.contains(from), "the cluster has no {from}");
    base.replacen(from, to, 1)
}

#[test]
fn nothing_is_found_in_clusters_in_which_nothing_is_wrong() {
    for base in [SDN, OVN] {
        let report = report(base);
        assert_eq!(report.findings, []);
    }
}

#[test]
fn every_mistake_is_found_and_nothing_beside_it() {
    let mut wrong = Vec::new();
    for (base, from, to, expected) in ROWS {
        let found = found(&changed(base, from, to));
        let mut sorted: [Vec<String>; 2] =
            [found.clone(), expected.iter().map(|id| (*id).to_owned()).collect()];
        for list in &mut sorted {
            list.sort();
        }
        if sorted[0] != sorted[1] {
            wrong.push(format!("{from} → {to}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_row_in_which_it_fires() {
    for rule in Rule::ALL {
        let has_row =
            ROWS.iter().any(|(.., ids)| ids.iter().any(|id| id.trim_end_matches('?') == rule.name()));
        assert!(has_row, "no row for {rule}");
    }
}

#[test]
fn a_mistake_in_the_text_is_told_with_line_and_column() {
    let report = report(&changed(
        SDN,
        RULES,
        "|\n            80   tcp 203.0.113.25\n            443\t tcp 203.0.113.25\n",
    ));
    let [finding] = &report.findings[..] else { panic!("{:?}", report.findings) };
    let line = SDN.lines().position(|line| line.contains("value: \"80")).expect("the rules") + 1;
    assert_eq!((finding.at.line, finding.at.column, finding.is_about_text), (line + 2, 16, true));
}

#[test]
fn an_address_elsewhere_than_its_router_is_told_with_the_node_that_has_it() {
    let text = changed(SDN, "value: 192.168.12.110/24", "value: 192.168.12.99/24");
    let found = found(&changed(&text, "nodeName: node1\n", "nodeName: node2\n"));
    assert_eq!(found, ["router-off-node", "source-is-egress-ip"]);
}

#[test]
fn a_name_that_the_proxy_takes_for_an_address_is_told() {
    let proxy = SDN
        .replace("value: init", "value: http-proxy")
        .replace("EGRESS_DESTINATION", "EGRESS_HTTP_PROXY_DESTINATION");
    let proxy =
        proxy.replace("ports: [{ port: 80 }, { port: 443, targetPort: 8443 }]", "ports: [{ port: 8080 }]");
    let with = |destination: &str| found(&changed(&proxy, RULES, &format!("\"{destination}\"")));
    assert_eq!(with("203.0.113.0/24\\n*.partner.example"), [""; 0]);
    assert_eq!(with("cafe.de"), ["doubtful-value"]);
    assert_eq!(with("*\\npartner.example"), ["fallback-not-last"]);
}

#[test]
fn a_router_that_may_land_outside_of_its_subnet_is_told() {
    let text = SDN.replace("192.168.12.12", "192.168.20.12");
    assert_eq!(found(&text), [""; 0], "it is pinned to the other node");
    let anywhere = changed(&text, "      nodeName: node1\n", "");
    assert_eq!(found(&anywhere), ["router-off-node?"]);
    assert_eq!(found(&changed(&text, "nodeName: node1\n", "nodeName: node2\n")), ["router-off-node"]);
}

#[test]
fn what_is_meant_to_be_reached_may_not_be_denied() {
    let deny = "---\n{ kind: EgressFirewall, apiVersion: k8s.ovn.org/v1, metadata: { name: default, namespace: herasoo }, spec: { egress: [{ type: Deny, to: { cidrSelector: 198.51.100.0/24 } }] } }\n";
    let mut objects = Objects::default();
    objects.add("cluster.yaml", changed(OVN, "", deny).as_bytes()).expect("objects");
    let assumed = Assumed::default();
    let derived = Derived::of(&objects, &assumed);
    let to = |typed: &str| Destination {
        to: Endpoint { address: typed.parse::<std::net::IpAddr>().expect("an address").into(), port: 443 },
        protocol: 6,
    };
    let ids = |meant: &[Destination]| {
        lint(&objects, &derived, &assumed, meant).findings.iter().map(|one| one.rule).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[to("203.0.113.25")]), []);
    assert_eq!(ids(&[to("198.51.100.7")]), [Rule::DestinationDenied]);
}

#[test]
fn whatever_labels_and_names_hold_nothing_of_it_reaches_a_screen_as_it_is() {
    let evil = "\\e[31m\\u202e";
    for (from, to) in [
        ("nodeName: node1\n", format!("nodeSelector: {{ \"{evil}\": a }}\n")),
        ("targetPort: 8443", format!("targetPort: \"{evil}\"")),
        ("selector: { app: router }, ports", format!("selector: {{ \"{evil}\": router }}, ports")),
        (RULES, format!("\"{evil}\"")),
    ] {
        let report = report(&changed(SDN, from, &to));
        assert!(!report.findings.is_empty(), "{from}");
        for finding in report.findings {
            let all = format!(
                "{}{}{}",
                finding.says,
                finding.fix,
                finding.also.iter().map(|one| one.says.as_str()).collect::<String>()
            );
            assert!(!all.chars().any(crate::text::is_deceptive), "{from}: {all:?}");
        }
    }
}

#[test]
fn what_was_not_given_is_told_to_be_unchecked_and_is_no_finding() {
    let without = |kind: &str| {
        let documents = SDN.split("---\n").filter(|document| !document.contains(&format!("kind: {kind},")));
        documents.collect::<Vec<_>>().join("---\n")
    };
    let no_hosts = report(&without("HostSubnet"));
    assert_eq!(no_hosts.findings, []);
    assert!(no_hosts.unchecked.iter().any(|one| one.rules.contains(&Rule::AddressOnNoNode)));
    let no_nodes = report(&without("Node"));
    assert_eq!(no_nodes.findings, []);
    assert!(no_nodes.unchecked.iter().any(|one| one.rules.contains(&Rule::ApplicationOnInfraNode)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Anything in the place of anything: it is read or refused, and nothing panics.
    #[test]
    fn hostile_objects_are_refused_or_linted(
        is_sdn in any::<bool>(), at in 0usize..4_000, length in 0usize..40,
        with in prop_oneof![
            "[ -~\n\t]{0,12}", Just("0".to_owned()), Just("4294967295".to_owned()), Just("[]".to_owned()), Just("{}".to_owned()),
            Just("255.255.255.255/32".to_owned()), Just("::ffff:0:0/96".to_owned()), Just("\"\\u202e\\0\"".to_owned()), "\\PC{0,8}",
        ],
    ) {
        let base = if is_sdn { SDN } else { OVN };
        let from = at % base.len();
        let text = format!("{}{with}{}", &base[..from], &base[(from + length).min(base.len())..]);
        let mut objects = Objects::default();
        if objects.add("cluster.yaml", text.as_bytes()).is_ok() {
            let assumed = Assumed::default();
            let derived = Derived::of(&objects, &assumed);
            let report = lint(&objects, &derived, &assumed, &[]);
            for finding in &report.findings {
                prop_assert!(!finding.says.chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", finding.says);
                prop_assert!(!finding.fix.is_empty() && finding.at.file.as_ref() == "cluster.yaml");
            }
        }
    }
}
