//! Android loads libraries on devices with pages of 16 KiB only when they are aligned to it.

#![allow(clippy::print_stdout, reason = "how a build script speaks")]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let elf = matches!(
        std::env::var("CARGO_CFG_TARGET_OS").as_deref(),
        Ok("linux" | "android")
    );
    if elf {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,max-page-size=16384");
    }
}
