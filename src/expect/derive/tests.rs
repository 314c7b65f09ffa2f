//! What follows from objects, plugin by plugin and situation by situation.
//!
//! A row adds a line or two to a plain cluster (two nodes, some namespaces and pods) and says what a pod leaves with
//! towards 203.0.113.25:443, or another destination behind `→`.

use super::*;
use crate::filter::address::address;
use crate::net::Endpoint;
use crate::router::Cause;

/// Objects in one line each: what is common to all of a kind is not repeated in every row.
fn object(line: &str) -> String {
    let mut words = line.split_whitespace();
    let kind = words.next().expect("a kind");
    let rest: Vec<&str> = words.collect();
    let first = rest.first().copied().unwrap_or_default();
    let field = |name: &str| {
        rest.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
    };
    let (namespace, name) = first.split_once('/').unwrap_or(("", first));
    let scope = if namespace.is_empty() { String::new() } else { format!(", namespace: {namespace}") };
    let labels =
        field("labels").map_or(String::new(), |labels| format!(", labels: {{{labels}}}").replace(':', ": "));
    let list = |name: &str| field(name).unwrap_or_default();
    match kind {
        "node" => format!(
            "{{kind: Node, apiVersion: v1, metadata: {{name: {name}}}, status: {{addresses: [{{type: InternalIP, address: {}}}], nodeInfo: {{kubeletVersion: {}}}}}}}",
            list("ip"),
            field("kubelet").unwrap_or_else(|| "v1.20.0".to_owned()),
        ),
        "host" => format!(
            "{{kind: HostSubnet, apiVersion: network.openshift.io/v1, metadata: {{name: {name}}}, host: {name}, hostIP: {}, subnet: {}, egressIPs: [{}]}}",
            list("ip"),
            list("subnet"),
            list("egress"),
        ),
        "netns" => format!(
            "{{kind: NetNamespace, apiVersion: network.openshift.io/v1, metadata: {{name: {name}}}, netname: {name}, netid: {}, egressIPs: [{}]}}",
            field("id").unwrap_or_else(|| "7".to_owned()),
            list("egress"),
        ),
        "namespace" => format!("{{kind: Namespace, apiVersion: v1, metadata: {{name: {name}{labels}}}}}"),
        "pod" => format!(
            "{{kind: Pod, apiVersion: v1, metadata: {{name: {name}{scope}{labels}}}, spec: {{nodeName: {}, hostNetwork: {}}}, status: {{phase: {}, podIPs: [{}]}}}}",
            list("node"),
            field("host").unwrap_or_else(|| "false".to_owned()),
            field("phase").unwrap_or_else(|| "Running".to_owned()),
            list("ip").split(',').map(|ip| format!("{{ip: '{ip}'}}")).collect::<Vec<_>>().join(", "),
        ),
        "network" => format!(
            "{{kind: Network, apiVersion: config.openshift.io/v1, metadata: {{name: cluster}}, status: {{networkType: {name}, clusterNetwork: [{{cidr: 10.128.0.0/14}}], serviceNetwork: [172.30.0.0/16]}}}}"
        ),
        "egressip" => {
            let items: Vec<String> = list("status")
                .split(',')
                .filter_map(|item| item.split_once('@'))
                .map(|(ip, node)| format!("{{egressIP: '{ip}', node: {node}}}"))
                .collect();
            let status = if field("status").is_some() {
                format!(", status: {{items: [{}]}}", items.join(", "))
            } else {
                String::new()
            };
            let pods = field("pods").map_or(String::new(), |labels| {
                format!(", podSelector: {{matchLabels: {{{labels}}}}}").replace(':', ": ")
            });
            let traffic = field("traffic").map_or("", |_| ", trafficSelector: {}");
            format!(
                "{{kind: EgressIP, apiVersion: k8s.ovn.org/v1, metadata: {{name: {name}}}, spec: {{egressIPs: ['192.168.12.99'], namespaceSelector: {{matchLabels: {{{}}}}}{pods}{traffic}}}{status}}}",
                list("namespaces").replace(':', ": "),
            )
        }
        "egressservice" => format!(
            "{{kind: EgressService, apiVersion: k8s.ovn.org/v1, metadata: {{name: {name}{scope}}}, spec: {{sourceIPBy: {}{}}}{}}}",
            field("by").unwrap_or_else(|| "LoadBalancerIP".to_owned()),
            field("network").map_or(String::new(), |network| format!(", network: {network}")),
            match field("host").as_deref() {
                Some("none") => String::new(),
                host => format!(", status: {{host: {}}}", host.unwrap_or("node1")),
            },
        ),
        "service" => format!(
            "{{kind: Service, apiVersion: v1, metadata: {{name: {name}{scope}}}, spec: {{clusterIP: {}, selector: {{{}}}, ports: [{{port: {}, targetPort: {}}}]}}, status: {{loadBalancer: {{ingress: [{}]}}}}}}",
            field("ip").unwrap_or_else(|| "172.30.99.10".to_owned()),
            list("selector").replace(':', ": "),
            field("port").unwrap_or_else(|| "443".to_owned()),
            field("target").unwrap_or_else(|| "0".to_owned()),
            field("ingress").map_or(String::new(), |ip| format!("{{ip: {ip}}}")),
        ),
        "router" => format!(
            "{{kind: Deployment, apiVersion: apps/v1, metadata: {{name: {name}{scope}}}, spec: {{selector: {{matchLabels: {{app: router}}}}, template: {{metadata: {{labels: {{app: router}}}}, spec: {{nodeName: node1, initContainers: [{{name: r, env: [{{name: EGRESS_SOURCE, value: {}}}, {{name: EGRESS_GATEWAY, value: 192.168.12.1}}, {{name: EGRESS_ROUTER_MODE, value: {}}}, {}]}}], containers: [{{name: c, env: [{}]}}]}}}}}}}}",
            field("source").unwrap_or_else(|| "192.168.12.98".to_owned()),
            field("mode").unwrap_or_else(|| "init".to_owned()),
            match field("rules") {
                Some(rules) => format!(
                    "{{name: EGRESS_DESTINATION, value: \"{}\"}}",
                    rules.replace('_', " ").replace(';', "\\n").replace('~', "\\t")
                ),
                None =>
                    "{name: EGRESS_DESTINATION, valueFrom: {configMapKeyRef: {name: a, key: b}}}".to_owned(),
            },
            ["http", "dns"]
                .iter()
                .filter_map(|name| {
                    let list = field(name)?.replace('_', " ").replace(';', "\\n");
                    let upper = name.to_uppercase();
                    Some(format!("{{name: EGRESS_{upper}_PROXY_DESTINATION, value: \"{list}\"}}"))
                })
                .collect::<String>(),
        ),
        "egressrouter" => format!(
            "{{kind: EgressRouter, apiVersion: network.operator.openshift.io/v1, metadata: {{name: {name}{scope}}}, spec: {{addresses: [{{ip: 192.168.12.98/24}}], redirect: {{redirectRules: [{{destinationIP: 203.0.113.25, port: 443, protocol: TCP}}]}}}}}}"
        ),
        "firewall" | "enp" => {
            let (kind, group) = if kind == "enp" {
                ("EgressNetworkPolicy", "network.openshift.io")
            } else {
                ("EgressFirewall", "k8s.ovn.org")
            };
            let rules: Vec<String> = rest[1..]
                .iter()
                .map(|rule| {
                    let (verdict, to) = rule.split_once('=').expect("a rule");
                    let key = if to.contains('/') { "cidrSelector" } else { "dnsName" };
                    format!("{{type: {verdict}, to: {{{key}: {to}}}}}")
                })
                .collect();
            format!(
                "{{kind: {kind}, apiVersion: {group}/v1, metadata: {{name: {name}{scope}}}, spec: {{egress: [{}]}}}}",
                rules.join(", ")
            )
        }
        "policy" => {
            let rules =
                field("to").map_or(String::new(), |to| format!("{{to: [{{ipBlock: {{cidr: {to}}}}}]}}"));
            format!(
                "{{kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, metadata: {{name: {name}{scope}}}, spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{rules}]}}}}"
            )
        }
        "cilium" => format!(
            "{{kind: CiliumEgressGatewayPolicy, apiVersion: cilium.io/v2, metadata: {{name: {name}}}}}"
        ),
        other => panic!("no object is called {other}"),
    }
}

pub(in crate::expect) fn objects(lines: &[&str]) -> Objects {
    objects_of(None, lines)
}

fn objects_of(namespace: Option<&str>, lines: &[&str]) -> Objects {
    let mut objects = Objects::of_namespace(namespace.map(str::to_owned));
    for line in lines {
        let text = object(line);
        objects.add("row.yaml", text.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    objects
}

/// Two nodes, and pods in the namespaces herasoo and other; of every plugin's cluster.
const PODS: [&str; 6] = [
    "node node1 ip=192.168.12.11",
    "node node2 ip=192.168.12.12",
    "namespace herasoo labels=team:blue",
    "namespace other",
    "pod herasoo/web node=node1 ip=10.128.0.5 labels=app:web",
    "pod other/web node=node2 ip=10.129.0.7",
];
const SDN: [&str; 2] = ["network OpenShiftSDN", "netns other"];
const HOSTS: [&str; 1] = ["host node2 ip=192.168.12.12 subnet=10.129.0.0/23"];
const OVN: [&str; 1] = ["network OVNKubernetes"];

/// Plugin, what is added to its plain cluster, the pod (and where to), the answer.
type Row = (&'static str, &'static [&'static str], &'static str, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // openshift-sdn
    ("sdn", &["netns herasoo", "host node1"], "herasoo/web", "node, by node1"),
    ("sdn", &["netns herasoo egress=192.168.12.99", "host node1 egress=192.168.12.99"], "herasoo/web", "192.168.12.99@node1, by node1"),
    ("sdn", &["netns herasoo egress=192.168.12.99", "host node1 egress=192.168.12.99"], "other/web", "node, by node2"),
    ("sdn", &["netns herasoo egress=192.168.12.99", "host node3 egress=192.168.12.99"], "herasoo/web", "192.168.12.99@node3, by node3"),
    ("sdn", &["netns herasoo egress=192.168.12.99", "host node1"], "herasoo/web", "drop"),
    ("sdn", &["netns herasoo egress=192.168.12.99", "host node1 egress=192.168.12.99", "host node3 egress=192.168.12.99"], "herasoo/web", "drop"),
    ("sdn", &["netns herasoo egress=192.168.12.99", "netns rival egress=192.168.12.99", "host node1 egress=192.168.12.99"], "herasoo/web", "drop"),
    ("sdn", &["netns herasoo egress=192.168.12.99", "host node1 egress=192.168.12.99,192.168.12.99"], "herasoo/web", "192.168.12.99@node1, by node1"),
    ("sdn", &["netns herasoo egress=192.168.12.99,192.168.12.99", "host node1 egress=192.168.12.99"], "herasoo/web", "192.168.12.99@node1, by node1"),
    ("sdn", &["netns herasoo egress=192.168.12.98,192.168.12.99", "host node3 egress=192.168.12.98", "host node4 egress=192.168.12.99"], "herasoo/web", "192.168.12.98@node3 or 192.168.12.99@node4"),
    ("sdn", &["netns herasoo egress=192.168.12.98,192.168.12.99", "host node1 egress=192.168.12.99", "host node3 egress=192.168.12.98"], "herasoo/web", "192.168.12.99@node1, by node1"),
    ("sdn", &["netns herasoo egress=192.168.12.98,192.168.12.99", "host node3 egress=192.168.12.98,192.168.12.99"], "herasoo/web", "drop"),
    ("sdn", &["netns herasoo egress=192.168.12.97,192.168.12.98,192.168.12.99", "host node3 egress=192.168.12.98,192.168.12.99", "host node4 egress=192.168.12.97"], "herasoo/web", "192.168.12.97@node4, by node4"),
    ("sdn", &["netns herasoo egress=192.168.12.98,192.168.12.99", "host node3 egress=192.168.12.99"], "herasoo/web", "192.168.12.99@node3, by node3"),
    ("sdn3", &["netns herasoo egress=192.168.12.98,192.168.12.99", "host node1 egress=192.168.12.99", "host node3 egress=192.168.12.98"], "herasoo/web", "192.168.12.98@node3, by node3"),
    ("sdn3", &["netns herasoo egress=192.168.12.98,192.168.12.99", "host node1 egress=192.168.12.99"], "herasoo/web", "drop"),
    ("sdn", &["host node1 egress=192.168.12.99"], "herasoo/web", "unknown without NetNamespace herasoo (`oc get netnamespaces -o yaml`)"),
    ("sdn-", &["netns herasoo egress=192.168.12.99"], "herasoo/web", "unknown without which node holds it (`oc get hostsubnets -o yaml`)"),
    ("sdn", &["netns herasoo egress=192.168.12.99", "host node1 egress=192.168.12.99", "pod herasoo/host node=node1 host=true ip=192.168.12.11"], "herasoo/host", "node, by node1"),
    ("sdn", &["netns herasoo egress=192.168.12.99", "host node1 egress=192.168.12.99"], "herasoo/web → 10.129.0.7:443", "not egress"),
    ("sdn", &["netns herasoo egress=192.168.12.99", "host node1 egress=192.168.12.99"], "herasoo/web → 192.168.12.12:443", "not egress"),
    ("sdn", &["netns herasoo egress=192.168.12.99", "host node1 egress=192.168.12.99"], "herasoo/web → 172.30.0.1:443", "not egress"),
    ("sdn", &["netns herasoo", "host node1", "enp herasoo/default Deny=203.0.113.0/24"], "herasoo/web", "drop"),
    ("sdn", &["netns herasoo", "host node1", "enp herasoo/default Allow=203.0.113.25/32 Deny=0.0.0.0/0"], "herasoo/web", "node, by node1"),
    ("sdn", &["netns herasoo", "host node1", "enp herasoo/default Allow=203.0.113.25/32 Deny=0.0.0.0/0"], "herasoo/web → 198.51.100.1:443", "drop"),
    ("sdn", &["netns herasoo", "host node1", "enp herasoo/default Allow=api.partner.example Deny=0.0.0.0/0"], "herasoo/web", "unknown without the addresses of api.partner.example"),
    ("sdn", &["netns herasoo", "host node1", "enp herasoo/default Deny=api.partner.example"], "herasoo/web", "unknown without the addresses of api.partner.example"),
    ("sdn", &["netns herasoo", "host node1", "enp other/default Deny=0.0.0.0/0"], "herasoo/web", "node, by node1"),
    ("sdn", &["netns herasoo", "host node1", "policy herasoo/deny"], "herasoo/web", "unknown without whether the network of this release heeds network policies about egress"),
    ("sdn3", &["netns herasoo", "host node1", "policy herasoo/deny"], "herasoo/web", "node, by node1"),
    ("sdn", &["netns herasoo", "host node1", "policy herasoo/some to=203.0.113.0/24"], "herasoo/web", "node, by node1"),
    ("sdn", &["netns herasoo", "host node1", "policy herasoo/deny", "policy herasoo/some to=203.0.113.0/24"], "herasoo/web", "node, by node1"),
    ("sdn", &["netns herasoo", "host node1", "policy herasoo/some to=198.51.100.0/24"], "herasoo/web", "unknown without whether the network of this release heeds network policies about egress"),
    // The egress router
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r rules=443_tcp_203.0.113.25", "service herasoo/r selector=app:router"], "other/web → 172.30.99.10:443", "192.168.12.98@node1, by node1, to 203.0.113.25:443"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r rules=8443_tcp_203.0.113.26_443", "service herasoo/r selector=app:router port=443 target=8443"], "herasoo/web → 172.30.99.10:443", "192.168.12.98@node1, by node1, to 203.0.113.26:443"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r rules=80_tcp_203.0.113.25;203.0.113.27", "service herasoo/r selector=app:router"], "herasoo/web → 172.30.99.10:443", "192.168.12.98@node1, by node1, to 203.0.113.27:443"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r rules=80_tcp_203.0.113.25", "service herasoo/r selector=app:router"], "herasoo/web → 172.30.99.10:443", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r rules=443_udp_203.0.113.25", "service herasoo/r selector=app:router"], "herasoo/web → 172.30.99.10:443", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r rules=443_tcp_203.0.113.25", "service herasoo/r selector=app:router"], "herasoo/web → 172.30.99.10:444", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r rules=443~_tcp_203.0.113.25", "service herasoo/r selector=app:router"], "herasoo/web → 172.30.99.10:443", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r", "service herasoo/r selector=app:router"], "herasoo/web → 172.30.99.10:443", "unknown without the value of EGRESS_DESTINATION of Deployment herasoo/r (row.yaml:1), which comes from elsewhere"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x"], "herasoo/r", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r rules=443_tcp_203.0.113.25", "pod herasoo/r-1 node=node1 ip=10.128.0.20 labels=app:router"], "herasoo/r-1", "192.168.12.98@node1, by node1"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r rules=443_tcp_203.0.113.25", "pod herasoo/r-1 node=node1 ip=10.128.0.20 labels=app:router"], "other/web → 10.128.0.20:443", "192.168.12.98@node1, by node1, to 203.0.113.25:443"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r rules=443_tcp_203.0.113.25", "service herasoo/r selector=app:router"], "herasoo/web", "node, by node1"),
    // Routers that end connections: their clients, and they themselves
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=*", "service herasoo/r selector=app:router port=8080"], "other/web → 172.30.99.10:8080", "192.168.12.98@node1, by node1"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=*", "service herasoo/r selector=app:router port=80 target=8080"], "other/web → 172.30.99.10:80", "192.168.12.98@node1, by node1"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=*", "service herasoo/r selector=app:router port=80"], "other/web → 172.30.99.10:80", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=*"], "herasoo/r → 203.0.113.25:443", "192.168.12.98@node1, by node1"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=*"], "herasoo/r → api.partner.example:443", "192.168.12.98@node1, by node1"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=203.0.113.0/24"], "herasoo/r → 203.0.113.25:443", "192.168.12.98@node1, by node1"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=203.0.113.0/24"], "herasoo/r → 198.51.100.1:443", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=!203.0.113.0/24;*"], "herasoo/r → 203.0.113.25:443", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=203.0.113.25;!203.0.113.0/24;*"], "herasoo/r → 203.0.113.25:443", "192.168.12.98@node1, by node1"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=!203.0.113.25"], "herasoo/r → 198.51.100.1:443", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=*.partner.example"], "herasoo/r → api.partner.example:443", "192.168.12.98@node1, by node1"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=!api.partner.example;*.partner.example"], "herasoo/r → api.partner.example:443", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=*.partner.example;!api.partner.example"], "herasoo/r → api.partner.example:443", "192.168.12.98@node1, by node1"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=*.partner.example"], "herasoo/r → 203.0.113.25:443", "unknown without the name that DNS has for 203.0.113.25, or that clients ask for"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=203.0.113.0/24"], "herasoo/r → api.partner.example:443", "unknown without the addresses of api.partner.example"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=*;x.example", "service herasoo/r selector=app:router port=8080"], "herasoo/web → 172.30.99.10:8080", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=http-proxy rules=x http=www;!", "service herasoo/r selector=app:router port=8080"], "herasoo/web → 172.30.99.10:8080", "drop"),
    ("sdn", &["netns herasoo", "host node1", "enp herasoo/default Deny=0.0.0.0/0", "router herasoo/r mode=http-proxy rules=x http=*"], "herasoo/r → 203.0.113.25:443", "192.168.12.98@node1, by node1"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=dns-proxy rules=x dns=80_api.partner.example;8443_203.0.113.26_443", "service herasoo/r selector=app:router port=80"], "other/web → 172.30.99.10:80", "192.168.12.98@node1, by node1, to api.partner.example:80"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=dns-proxy rules=x dns=80_api.partner.example;8443_203.0.113.26_443", "service herasoo/r selector=app:router port=8443"], "other/web → 172.30.99.10:8443", "192.168.12.98@node1, by node1, to 203.0.113.26:443"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=dns-proxy rules=x dns=80_api.partner.example", "service herasoo/r selector=app:router port=443"], "other/web → 172.30.99.10:443", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=dns-proxy rules=x dns=80_localhost", "service herasoo/r selector=app:router port=80"], "other/web → 172.30.99.10:80", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=dns-proxy rules=x dns=80_a.example;80_b.example", "service herasoo/r selector=app:router port=80"], "other/web → 172.30.99.10:80", "drop"),
    ("sdn", &["netns herasoo", "host node1", "router herasoo/r mode=dns-proxy rules=x dns=8443_203.0.113.26_443"], "herasoo/r → 203.0.113.26:443", "192.168.12.98@node1, by node1"),
    ("ovn", &["egressrouter herasoo/r", "service herasoo/r selector=app:egress-router-cni", "pod herasoo/r-1 node=node2 ip=10.129.0.20 labels=app:egress-router-cni"], "herasoo/web → 172.30.99.10:443", "192.168.12.98@node2, by node2, to 203.0.113.25:443"),
    ("ovn", &["egressrouter herasoo/r", "service herasoo/r selector=app:egress-router-cni port=80"], "herasoo/web → 172.30.99.10:80", "drop"),
    // OVN-Kubernetes
    ("ovn", &[], "herasoo/web", "node, by node1"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.99@node2"], "herasoo/web", "192.168.12.99@node2, by node2"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.99@node2"], "other/web", "node, by node2"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.98@node1,192.168.12.99@node2"], "herasoo/web", "192.168.12.98@node1 or 192.168.12.99@node2"),
    ("ovn", &["egressip one namespaces=team:blue status="], "herasoo/web", "node, by node1"),
    ("ovn", &["egressip one namespaces=team:blue"], "herasoo/web", "unknown without which nodes serve EgressIP one: its `status`, which manifests do not have"),
    ("ovn", &["egressip one namespaces=team:blue pods=app:web status=192.168.12.99@node2"], "herasoo/web", "192.168.12.99@node2, by node2"),
    ("ovn", &["egressip one namespaces=team:blue pods=app:db status=192.168.12.99@node2"], "herasoo/web", "node, by node1"),
    ("ovn", &["egressip one namespaces=kubernetes.io/metadata.name:other status=192.168.12.99@node1"], "other/web", "192.168.12.99@node1, by node1"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.98@node1", "egressip two namespaces=team:blue status=192.168.12.99@node2"], "herasoo/web", "192.168.12.98@node1 or 192.168.12.99@node2"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.98@node1", "egressip two namespaces=team:blue status="], "herasoo/web", "unknown without which of the EgressIP objects that select the pod serves it: one of them has no node"),
    ("ovn", &["egressip one namespaces=team:blue traffic=x status=192.168.12.99@node2"], "herasoo/web", "unknown without which destinations EgressIP one speaks about: its trafficSelector is not supported yet"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.99@node2", "pod third/web node=node1 ip=10.128.0.9"], "third/web", "unknown without the labels of namespace third (`oc get namespaces -o yaml`)"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.99@node2"], "herasoo/web → 192.168.12.12:443", "not egress"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.99@node2"], "herasoo/web → 10.131.0.1:443", "not egress"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.99@node2"], "herasoo/web → 172.30.0.1:443", "not egress"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.99@node2"], "herasoo/web → [2001:db8::1]:443", "node, by node1"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.99@node2", "pod herasoo/host node=node2 host=true ip=192.168.12.12"], "herasoo/host", "node, by node2"),
    ("ovn", &["service herasoo/lb selector=app:web ingress=198.51.100.7", "egressservice herasoo/lb"], "herasoo/web", "198.51.100.7@node1, by node1"),
    ("ovn", &["service herasoo/lb selector=app:web ingress=198.51.100.7", "egressservice herasoo/lb host=ALL"], "herasoo/web", "198.51.100.7"),
    ("ovn", &["service herasoo/lb selector=app:db ingress=198.51.100.7", "egressservice herasoo/lb"], "herasoo/web", "node, by node1"),
    ("ovn", &["service herasoo/lb selector=app:web", "egressservice herasoo/lb"], "herasoo/web", "unknown without `status.loadBalancer` of Service herasoo/lb"),
    ("ovn", &["service herasoo/lb selector=app:web ingress=198.51.100.7", "egressservice herasoo/lb by=Network"], "herasoo/web", "unknown without the node's address in the network that it leaves by, which EgressService herasoo/lb asks for"),
    ("ovn", &["service herasoo/lb selector=app:web", "egressservice herasoo/lb by=Network network=blue host=ALL"], "herasoo/web", "unknown without the node's address in the network `blue`, which EgressService herasoo/lb asks for"),
    ("ovn", &["service herasoo/lb selector=app:web ingress=198.51.100.7", "egressservice herasoo/lb host=none"], "herasoo/web", "unknown without which node serves EgressService herasoo/lb: its `status.host`, which manifests do not have"),
    ("ovn", &["egressip one namespaces=team:blue status=192.168.12.97@node2"], "herasoo/web", "192.168.12.97@node2, by node2"),
    ("ovn", &["service herasoo/lb selector=app:web ingress=198.51.100.7", "egressservice herasoo/lb", "egressip one namespaces=team:blue status=192.168.12.99@node2"], "herasoo/web", "198.51.100.7@node1, by node1"),
    ("ovn", &["firewall herasoo/default Deny=203.0.113.0/24"], "herasoo/web", "drop"),
    ("ovn", &["firewall herasoo/default Allow=203.0.113.0/24 Deny=0.0.0.0/0"], "herasoo/web", "node, by node1"),
    ("ovn", &["policy herasoo/deny"], "herasoo/web", "drop"),
    ("ovn", &["policy herasoo/some to=198.51.100.0/24"], "herasoo/web", "drop"),
    ("ovn", &["policy herasoo/deny", "policy herasoo/some to=203.0.113.0/24"], "herasoo/web", "node, by node1"),
    // None, another, or several
    ("none", &[], "herasoo/web", "unknown without which network plugin the cluster has (`oc get network.config cluster -o yaml`)"),
    ("none", &["cilium partner"], "herasoo/web", "unknown without how Cilium chooses addresses (CiliumEgressGatewayPolicy partner, row.yaml:1): it is not supported yet"),
    ("none", &["network Calico"], "herasoo/web", "unknown without how Calico chooses addresses (row.yaml:1): it is not supported yet"),
    ("none", &["netns herasoo", "egressip one namespaces=team:blue status=192.168.12.99@node2"], "herasoo/web", "unknown without which network plugin the cluster has (`oc get network.config cluster -o yaml`)"),
    ("none", &["netns herasoo egress=192.168.12.99", "host node2 egress=192.168.12.99"], "herasoo/web", "192.168.12.99@node2, by node2"),
    ("none", &["egressip one namespaces=team:blue status=192.168.12.99@node2"], "herasoo/web", "192.168.12.99@node2, by node2"),
];

fn told(plugin: &str, added: &[&str], question: &str) -> String {
    let mut lines: Vec<&str> = added.to_vec();
    match plugin {
        "sdn" => lines.extend([&SDN[..], &HOSTS].concat()),
        "sdn3" => {
            lines.extend([&SDN[..], &HOSTS].concat());
            lines.push("node node0 ip=192.168.12.10 kubelet=v1.11.0+d4cacc0");
        }
        "sdn-" => lines.extend(SDN),
        "ovn" => lines.extend(OVN),
        _ => {}
    }
    // The first node tells the release.
    lines.sort_by_key(|line| !line.starts_with("node node0"));
    lines.extend(PODS);
    let objects = objects(&lines);
    let derived = Derived::of(&objects, &Assumed::default());
    let (pod, to) = question.split_once(" → ").unwrap_or((question, "203.0.113.25:443"));
    let (host, port) = to.rsplit_once(':').expect("a port");
    let port = port.parse().expect("a port");
    let [workload] = derived.workloads_called(pod)[..] else { panic!("no one pod {pod}") };
    let explained = if let Ok(address) = address(host.trim_matches(['[', ']'])) {
        derived.explain(&objects, workload, Endpoint { address, port }, 6)
    } else {
        let router = derived.router_of(workload).expect("a router");
        derived.proxied(router, router::proxy::Asked::Name(host), port).expect("a proxy")
    };
    let node = explained.node.map_or(String::new(), |node| format!(", by {node}"));
    let via = explained.via.and_then(|via| via.to).map_or(String::new(), |to| format!(", to {to}"));
    format!("{}{node}{via}", explained.answer)
}

#[test]
fn every_situation_of_every_plugin_is_derived_as_it_is() {
    let wrong: Vec<String> = ROWS
        .iter()
        .filter_map(|(plugin, added, question, expected)| {
            let told = told(plugin, added, question);
            (told != *expected)
                .then(|| format!("{plugin} {added:?} {question}\n  is {told}\n not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(ROWS.len() >= 40);
}

fn derived(lines: &[&str]) -> (Objects, Derived) {
    let objects = objects(lines);
    let derived = Derived::of(&objects, &Assumed::default());
    (objects, derived)
}

/// Expectations as they are found for a pod's address: name, and with what.
fn expected(lines: &[&str], address: &str) -> String {
    let (_, derived) = derived(lines);
    let policy = derived.policy();
    let address = crate::filter::address::address(address).expect("an address");
    let is_from = |one: &&crate::expect::Expectation| one.from.iter().any(|block| block.contains(address));
    let all: Vec<String> = policy
        .expectations
        .iter()
        .filter(is_from)
        .map(|one| format!("{}: {}", one.name, one.source))
        .collect();
    all.join("; ")
}

#[test]
fn a_pods_address_has_one_expectation_and_pods_alike_share_it() {
    let mut lines = vec!["netns herasoo egress=192.168.12.99", "host node1 egress=192.168.12.99"];
    lines.extend([&SDN[..], &PODS].concat());
    assert_eq!(expected(&lines, "10.128.0.5"), "pods of herasoo leave as 192.168.12.99: 192.168.12.99");
    assert_eq!(expected(&lines, "10.129.0.7"), "pods on node2 without an egress address: node node2");
}

#[test]
fn the_other_family_of_a_pod_leaves_as_its_node_does() {
    let mut lines = vec![
        "egressip one namespaces=team:blue status=192.168.12.99@node2",
        "pod herasoo/both node=node1 ip=10.128.0.9,fd01::9 labels=app:both",
    ];
    lines.extend([&OVN[..], &PODS].concat());
    assert_eq!(expected(&lines, "10.128.0.9"), "pods of herasoo leave as 192.168.12.99: 192.168.12.99");
    assert_eq!(expected(&lines, "fd01::9"), "pods on node1 without an egress address: node node1");
}

#[test]
fn a_finished_pod_and_one_on_the_hosts_network_have_no_expectation() {
    let mut lines = vec![
        "pod herasoo/done node=node1 ip=10.128.0.8 phase=Succeeded",
        "pod herasoo/host node=node1 ip=192.168.12.11 host=true",
    ];
    lines.extend([&OVN[..], &PODS].concat());
    assert_eq!(expected(&lines, "10.128.0.8"), "");
    assert_eq!(expected(&lines, "192.168.12.11"), "");
}

#[test]
fn what_a_firewall_denies_is_expected_to_be_dropped_but_for_what_it_allows_before() {
    let denied = |rules: &str| {
        let firewall = format!("firewall herasoo/default {rules}");
        let mut lines = vec![firewall.as_str()];
        lines.extend([&OVN[..], &PODS].concat());
        let (_, derived) = derived(&lines);
        let list = derived.policy().expectations;
        let first = &list[0];
        (format!("{} {}", first.to, first.source), list.len())
    };
    let (first, _) = denied("Allow=203.0.113.0/24 Deny=0.0.0.0/0");
    assert_eq!(first, "destination 0.0.0.0/0, not destination 203.0.113.0/24 drop");
    let (first, _) = denied("Allow=api.partner.example Deny=0.0.0.0/0");
    assert_eq!(first, "destination 0.0.0.0/0 unknown without the addresses of api.partner.example");
    let (_, alone) = denied("Allow=203.0.113.0/24");
    let (_, named) = denied("Deny=api.partner.example");
    assert_eq!(alone, named, "what is denied to a name is no expectation");
}

#[test]
fn thousands_of_namespaces_have_as_many_expectations_as_there_are_answers() {
    let mut text = String::from("{kind: List, apiVersion: v1, items: [");
    for line in SDN.iter().chain(&PODS).chain(&["host node1 egress=192.168.12.99"]) {
        text.push_str(&object(line));
        text.push(',');
    }
    for at in 0..4_000 {
        text.push_str(&object(&format!("netns ns{at} id={}", at + 100)));
        text.push(',');
        let (high, low) = (at / 250, at % 250 + 1);
        text.push_str(&object(&format!("pod ns{at}/web node=node1 ip=10.130.{high}.{low}")));
        text.push(',');
    }
    text.push_str("]}");
    let mut objects = Objects::default();
    objects.add("all.yaml", text.as_bytes()).expect("objects");
    let derived = Derived::of(&objects, &Assumed::default());
    let policy = derived.policy();
    assert!(policy.expectations.len() < 10, "{}", policy.expectations.len());
    assert_eq!(policy.cluster.namespace_of_tunnel(4_099), Some("ns3999"));
}

fn guide(file: &str, namespace: Option<&str>) -> (Objects, Derived) {
    let path = format!("{}/testdata/cluster/guide/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
    let mut objects = Objects::of_namespace(namespace.map(str::to_owned));
    objects.add(file, &std::fs::read(path).expect("a file")).unwrap_or_else(|error| panic!("{error}"));
    let derived = Derived::of(&objects, &Assumed::default());
    (objects, derived)
}

#[test]
fn the_guides_router_does_not_start_because_of_the_tab_in_its_second_rule() {
    let (_, derived) = guide("as-it-stands", Some("herasoo"));
    let [router] = &derived.routers[..] else { panic!("one router") };
    let (answer, because) = router.answer();
    assert_eq!(answer, Answer::Drop);
    assert_eq!(
        because[0].to_string(),
        "Deployment herasoo/deployment-egress-route-1 does not start, and says: EGRESS_DESTINATION value '443\\t tcp 203.0.113.25' \
         is invalid (as-it-stands:46)"
    );
    assert_eq!((router.refusals[0].at.column, router.refusals[0].cause()), (16, Cause::Tab));
    assert_eq!(router.refusals[0].cause().fix(), "put spaces between the fields instead of the tab");
    assert_eq!(router.redirects.len(), 3, "the other rules are understood all the same");
    assert_eq!(router.services, [0]);
    // The namespace's own address is served by the node that claims it.
    let workload = derived.workloads_called("herasoo/deployment-egress-route-1");
    assert_eq!(derived.rule_for(workload[0]).expect("a rule").answer, Answer::Drop);
}

#[test]
fn the_corrected_router_redirects_by_its_rules() {
    let (_, derived) = guide("corrected", None);
    let [router] = &derived.routers[..] else { panic!("one router") };
    assert!(router.refusals.is_empty() && router.doubts.is_empty());
    assert_eq!(router.answer().0.to_string(), "192.168.12.110@herasoo-dmz-infra-wokernode1");
    assert_eq!(
        (router.prefix, router.gateway.as_ref().unwrap().value.to_string().as_str()),
        (Some(24), "192.168.12.1")
    );
    let router::Way::Rule(rule) = router.way(8080, 6) else { panic!("a rule") };
    assert_eq!((rule.address.to_string().as_str(), rule.target, rule.at.line), ("203.0.113.26", 80, 50));
    assert_eq!(router.way(9090, 6), router::Way::Refused);
}

#[test]
fn objects_without_a_namespace_are_answered_once_somebody_says_which() {
    let answer = |namespace| {
        let (_, derived) = guide("corrected", namespace);
        let nameless = derived.workloads.iter().position(|one| one.id.kind == "Deployment").expect("one");
        derived.rule_for(nameless).expect("a rule").answer.to_string()
    };
    assert_eq!(answer(None), "192.168.12.110@herasoo-dmz-infra-wokernode1");
    let mut lines = vec!["netns herasoo", "pod web node=node1 ip=10.128.0.9"];
    lines.extend(SDN);
    let (_, derived) = derived(&lines);
    let nameless = derived.workloads_called("web")[0];
    assert_eq!(
        derived.rule_for(nameless).expect("a rule").answer.to_string(),
        "unknown without the namespace, which the object leaves open (--cluster-namespace)"
    );
}

#[test]
fn a_router_without_a_namespace_meets_its_service_of_the_namespace_assumed() {
    let lines = ["router r rules=443_tcp_203.0.113.25", "service herasoo/r selector=app:router"];
    let router = |namespace| {
        let objects = objects_of(namespace, &lines);
        let derived = Derived::of(&objects, &Assumed::default());
        let report = crate::expect::lint::lint(&objects, &derived, &Assumed::default(), &[]);
        let is_lost =
            report.findings.iter().any(|one| one.rule == crate::expect::lint::Rule::ServiceSelectsNoRouter);
        let [router] = &derived.routers[..] else { panic!("one router") };
        (router.id.to_string(), router.services.clone(), is_lost)
    };
    assert_eq!(router(Some("herasoo")), ("Deployment herasoo/r".to_owned(), vec![0], false));
    assert_eq!(router(Some("other")), ("Deployment other/r".to_owned(), Vec::new(), true));
    assert_eq!(router(None), ("Deployment r".to_owned(), Vec::new(), true));
}

#[test]
fn everything_of_the_namespace_assumed_is_about_its_pods() {
    let answer = |line: &str| {
        let lines = [&OVN[..], &PODS, &[line, "service lb selector=app:web ingress=198.51.100.7"]].concat();
        let objects = objects_of(Some("herasoo"), &lines);
        let derived = Derived::of(&objects, &Assumed::default());
        let to = Endpoint { address: address("203.0.113.25").expect("an address"), port: 443 };
        let [web] = derived.workloads_called("herasoo/web")[..] else { panic!("one pod") };
        derived.explain(&objects, web, to, 6).answer.to_string()
    };
    assert_eq!(answer("egressservice herasoo/lb"), "198.51.100.7@node1");
    assert_eq!(answer("firewall default Deny=203.0.113.0/24"), "drop");
    assert_eq!(answer("policy deny"), "drop");
}

#[test]
fn several_addresses_without_a_release_are_said_to_be_taken_for_four() {
    let lines = ["netns herasoo egress=192.168.12.98,192.168.12.99", "host node1 egress=192.168.12.98"];
    let (_, told) = derived(&lines);
    assert!(
        told.notes.iter().any(|note| note.contains("taken for 4") && note.contains("--cluster-release 3"))
    );
    let (_, told) = derived(&[&lines[..], &["node node1 ip=192.168.12.11"]].concat());
    assert!(!told.notes.iter().any(|note| note.contains("taken for 4")), "the kubelet tells");
}

/// What a flow from that address is expected to leave with, and whose it is said to be.
fn of_sender(lines: &[&str], address: &str) -> String {
    let (_, derived) = derived(lines);
    let name = derived.cluster.pod_name(crate::filter::address::address(address).expect("an address"));
    format!("{} of {}", expected(lines, address), name.map_or("nobody".to_owned(), |name| name.to_string()))
}

#[test]
fn what_a_proxy_opens_begins_with_its_own_address_and_is_expected_to() {
    let proxy = "router herasoo/r mode=http-proxy rules=x http=*";
    let base = [&SDN[..], &["netns herasoo", "host node1"], &PODS].concat();
    let with = |more: &[&'static str]| [&base[..], more].concat();
    let opens = "whatever Deployment herasoo/r opens: 192.168.12.98 of herasoo/r";
    assert_eq!(of_sender(&with(&[proxy]), "192.168.12.98"), opens);
    let pod = "pod herasoo/r-1 node=node1 ip=10.128.0.20 labels=app:router";
    assert_eq!(of_sender(&with(&[proxy, pod]), "192.168.12.98"), format!("{opens}-1"));
    let dns = "router herasoo/r mode=dns-proxy rules=x dns=80_a.example";
    assert_eq!(of_sender(&with(&[dns]), "192.168.12.98"), opens);
    // Others' flows may have the address: of the clients that are redirected, or of whoever else claims it.
    for others in [
        &["router herasoo/r rules=443_tcp_203.0.113.25"][..],
        &[proxy, "netns third egress=192.168.12.98"],
        &[proxy, "host node3 egress=192.168.12.98"],
        &[proxy, "egressrouter other/r"],
        &[proxy, "egressip one namespaces=team:blue status=192.168.12.98@node1"],
        &[proxy, "node node4 ip=192.168.12.98"],
        // One that does not start opens nothing.
        &["router herasoo/r mode=http-proxy rules=x http=!"],
    ] {
        assert_eq!(of_sender(&with(others), "192.168.12.98"), " of nobody", "{others:?}");
    }
}
