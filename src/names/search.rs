//! The domains that a resolver appends to short names: `search` and `domain` of resolv.conf(5).
//!
//! The last line of either word counts. A word counts at the beginning of a line alone; `#` and `;` there begin a comment.

/// The domains, in order, in small letters and without the dot at their end.
pub fn search_domains(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(file);
    let mut domains = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let is_at_start = line.starts_with("search") || line.starts_with("domain");
        match words.next() {
            Some("search") if is_at_start => domains = words.map(domain).collect(),
            Some("domain") if is_at_start => domains = words.take(1).map(domain).collect(),
            _ => {}
        }
    }
    domains.retain(|domain: &String| !domain.is_empty());
    domains
}

fn domain(typed: &str) -> String {
    typed.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_and_comments_do_not() {
        let pod = "search herasoo.svc.cluster.local svc.cluster.local cluster.local Partner.Example.\n\
                   nameserver 172.30.0.10\noptions ndots:5\n";
        let all = ["herasoo.svc.cluster.local", "svc.cluster.local", "cluster.local", "partner.example"];
        assert_eq!(search_domains(pod.as_bytes()), all);
        assert_eq!(
            search_domains(b"search a.example b.example\ndomain c.example d.example\n"),
            ["c.example"]
        );
        assert_eq!(
            search_domains(b"#search a.example\n search b.example\n;domain c\nsearching d\n"),
            [""; 0]
        );
        assert_eq!(search_domains(b"search .\n"), [""; 0]);
    }
}
