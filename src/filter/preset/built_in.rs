//! The presets that egret brings along: the files of `filters/`.

use crate::filter::preset::Preset;

/// Name and content of each file, by name.
const FILES: &[(&str, &str)] = &[
    ("dns", include_str!("../../../filters/dns.yaml")),
    ("egress-address", include_str!("../../../filters/egress-address.yaml")),
    ("egress-neighbours", include_str!("../../../filters/egress-neighbours.yaml")),
    ("egress-router", include_str!("../../../filters/egress-router.yaml")),
    ("handshakes", include_str!("../../../filters/handshakes.yaml")),
    ("leaves-cluster", include_str!("../../../filters/leaves-cluster.yaml")),
    ("node-address", include_str!("../../../filters/node-address.yaml")),
    ("pod-pair", include_str!("../../../filters/pod-pair.yaml")),
    ("refusals", include_str!("../../../filters/refusals.yaml")),
    ("tls-hellos", include_str!("../../../filters/tls-hellos.yaml")),
    ("tunnels", include_str!("../../../filters/tunnels.yaml")),
];

/// All of them, each with its file's content, in the order of their names.
pub fn built_in() -> impl Iterator<Item = (Preset, &'static str)> {
    FILES.iter().map(|(name, text)| {
        let preset = Preset::read(name, text.as_bytes()).expect("a test reads every file of filters/");
        (preset, *text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_has_the_name_of_its_preset() {
        for (name, text) in FILES {
            let preset = Preset::read(name, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(preset.name, *name);
            assert!(preset.purpose.chars().count() <= 72, "{}", preset.purpose);
        }
        assert!(FILES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn every_file_of_the_folder_is_brought_along() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/filters");
        let files = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(files, FILES.len());
    }
}
