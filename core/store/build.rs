//! Compiles the little C that the store brings along: SQLCipher's start as the program is loaded, where its ciphers are libcrypto's;
//! and what SQLite asks of C's library where there is none, on the web.

fn main() {
    println!("cargo:rerun-if-changed=native");
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    let family = target("FAMILY");
    if family == "wasm" {
        cc::Build::new()
            .file("native/no_clock.c")
            .compile("sealwire_no_clock");
    }
    // On Apple's systems the ciphers are CommonCrypto's, on the web LibTomCrypt's; Windows has no such constructors.
    if family == "unix" && target("VENDOR") != "apple" {
        cc::Build::new()
            .file("native/start.c")
            .cargo_metadata(false)
            .compile("sealwire_start");
        let folder = std::env::var("OUT_DIR").unwrap_or_default();
        println!("cargo:rustc-link-search=native={folder}");
        // Whole: nothing names what is in it.
        println!("cargo:rustc-link-lib=static:+whole-archive=sealwire_start");
    }
}
