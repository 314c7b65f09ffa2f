use super::*;

fn read(text: &str) -> Objects {
    let mut objects = Objects::default();
    objects.add("cluster.yaml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    objects
}

fn mistake(text: &str) -> String {
    Objects::default().add("cluster.yaml", text.as_bytes()).expect_err("a mistake").to_string()
}
