//! Compiles what libcrypto is told before anything else, where SQLCipher's ciphers are libcrypto's.

fn main() {
    println!("cargo:rerun-if-changed=native/exit.c");
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    // On Apple's systems the ciphers are CommonCrypto's, on the web LibTomCrypt's; Windows has no such constructors.
    if target("FAMILY") != "unix" || target("VENDOR") == "apple" {
        return;
    }
    cc::Build::new()
        .file("native/exit.c")
        .cargo_metadata(false)
        .compile("sealwire_exit");
    let folder = std::env::var("OUT_DIR").unwrap_or_default();
    println!("cargo:rustc-link-search=native={folder}");
    // Whole: nothing names what is in it.
    println!("cargo:rustc-link-lib=static:+whole-archive=sealwire_exit");
}
