//! The generated files are those that would be generated.

#[test]
fn every_generated_file_is_as_the_table_says() {
    for file in sealwire_generate::files() {
        let path = sealwire_generate::root().join(file.path);
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == file.text,
            "{} is not what the table says: cargo run -p sealwire-generate",
            file.path
        );
    }
}
