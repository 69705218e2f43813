//! `cargo xtask web`: builds what a browser runs, small, and says how large it is.
//!
//! Into `target/web/pkg`: `sealwire_wasm.js`, its types, and `sealwire_wasm_bg.wasm`. The npm package takes them from there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Error, cargo, command, output, root, run};
use crate::setup::{self, Needs, node, wasm};

/// What `cargo xtask web` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// With the doors that only tests may go through, into `target/web/pkg-test`.
    #[arg(long)]
    test_doors: bool,
}

/// What a page may have to load before it can send, compressed as servers do: bytes.
const BROTLI_MAX: u64 = 900_000;

/// The ciphers' small forms: what a page sends by the megabyte goes through WebCrypto.
const SMALL_CIPHERS: [&str; 2] = [
    "sha2_backend_soft=\"compact\"",
    "aes_backend_soft=\"compact\"",
];

/// As wasm-bindgen names it.
const MODULE: &str = "sealwire_wasm";

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    setup::install(Needs::WEB)?;
    let sizes = build(args.test_doors)?;
    println!("{sizes}");
    Ok(())
}

/// The module's sizes in bytes.
pub(crate) struct Sizes {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// Builds the package, and fails if it is too large.
pub(crate) fn build(test_doors: bool) -> Result<Sizes, Error> {
    let folder = target().join("web").join(match test_doors {
        false => "pkg",
        true => "pkg-test",
    });
    let mut build = wasm::cargo_for_wasm()?;
    build.args([
        "build",
        "--locked",
        "--profile",
        "web",
        "-p",
        "sealwire-wasm",
    ]);
    build.args(["--target", wasm::TARGET]);
    if test_doors {
        build.args(["--features", "test-doors"]);
    }
    let places = places();
    build.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(&places).join("\x1f"));
    run(&mut build)?;
    // Beside, and then in its place: whoever serves the folder never sees half of it.
    let fresh = folder.with_extension("new");
    make_empty(&fresh)?;
    let built = target()
        .join(wasm::TARGET)
        .join("web")
        .join(format!("{MODULE}.wasm"));
    run(cargo([
        "run",
        "--locked",
        "--quiet",
        "-p",
        "sealwire-web-glue",
        "--",
    ])
    .args([&built, &fresh]))?;
    needs_nothing_else(&fresh.join(format!("{MODULE}.js")))?;
    let module = fresh.join(format!("{MODULE}_bg.wasm"));
    shrink(&module)?;
    names_no_place(&module, &places)?;
    let sizes = measure(&module)?;
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|cause| file(&folder, cause))?;
    }
    fs::rename(&fresh, &folder).map_err(|cause| file(&folder, cause))?;
    // With its doors for tests it is nothing that a page loads.
    if !test_doors && sizes.brotli > BROTLI_MAX {
        return Err(Error::Told(format!(
            "the module is too large: {sizes}, and brotli may be {BROTLI_MAX}"
        )));
    }
    Ok(sizes)
}

/// Where cargo builds: beside the folder of our own binary.
pub(crate) fn target() -> PathBuf {
    let ours = std::env::current_exe().unwrap_or_default();
    let found = ours.ancestors().nth(2).map(Path::to_owned);
    found.unwrap_or_else(|| root().join("target"))
}

/// Folders of this machine, and what panics call them instead; what lies deeper comes last, as the compiler wants it.
fn places() -> Vec<(PathBuf, &'static str)> {
    let home = std::env::home_dir().unwrap_or_default();
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let mut places = vec![
        (home, "home"),
        (cargo.clone(), "cargo"),
        (root().to_owned(), ""),
        (target(), "target"),
    ];
    let registries = fs::read_dir(cargo.join("registry/src"));
    for registry in registries.into_iter().flatten().flatten() {
        places.push((registry.path(), ""));
    }
    places.retain(|(place, _)| place.components().count() > 1);
    places
}

fn rust_flags(places: &[(PathBuf, &'static str)]) -> Vec<String> {
    let ciphers = SMALL_CIPHERS.map(|cipher| format!("--cfg={cipher}"));
    let renamed =
        |(place, name): &(PathBuf, &str)| format!("--remap-path-prefix={}={name}", place.display());
    ciphers
        .into_iter()
        .chain(places.iter().map(renamed))
        .collect()
}

/// What is shipped tells nobody where it was built.
fn names_no_place(module: &Path, places: &[(PathBuf, &'static str)]) -> Result<(), Error> {
    let bytes = fs::read(module).map_err(|cause| file(module, cause))?;
    // A folder right below the root may be called as one of a crate is.
    let telling = places
        .iter()
        .filter(|(place, _)| place.components().count() > 2);
    for (place, _) in telling {
        let place = place.to_string_lossy();
        if bytes
            .windows(place.len())
            .any(|window| window == place.as_bytes())
        {
            return Err(Error::Told(format!("the module names the folder {place}")));
        }
    }
    Ok(())
}

/// A function of C that nobody brought along becomes an import that no browser finds: the linker says nothing of it.
fn needs_nothing_else(script: &Path) -> Result<(), Error> {
    let text = fs::read_to_string(script).map_err(|cause| file(script, cause))?;
    match text.contains("from \"env\"") {
        false => Ok(()),
        true => Err(Error::Told(format!(
            "{} imports C functions that the module lacks",
            script.display()
        ))),
    }
}

/// binaryen's wasm-opt, at the version of wasm/package.json: Debian's writes a module that does not load.
///
/// Only what drops or merges whole functions and data. `-Oz` makes the module 5 % smaller, but what it rewrites repeats less:
/// compressed, and so it travels, the module is 4 % larger then.
fn shrink(module: &Path) -> Result<(), Error> {
    let wasm_opt = node::installed_folder("wasm").join("binaryen/bin/wasm-opt");
    let mut shrink = command("node");
    shrink.arg(wasm_opt).arg(module).arg("-o").arg(module);
    shrink.args([
        "--duplicate-function-elimination",
        "--remove-unused-module-elements",
        "--memory-packing",
        "--vacuum",
        "--optimize-instructions",
        "--rse",
        "--reorder-locals",
    ]);
    // What rustc and clang turn on for this target, and every browser with OPFS has.
    shrink.args([
        "--enable-bulk-memory",
        "--enable-bulk-memory-opt",
        "--enable-mutable-globals",
        "--enable-nontrapping-float-to-int",
        "--enable-reference-types",
        "--enable-sign-ext",
        "--enable-multivalue",
        "--strip-producers",
        "--strip-debug",
    ]);
    run(&mut shrink)
}

fn measure(module: &Path) -> Result<Sizes, Error> {
    const SCRIPT: &str = "const { readFileSync } = require('node:fs'); const z = require('node:zlib'); \
        const m = readFileSync(process.argv[1]); \
        console.log(m.length, z.gzipSync(m, { level: 9 }).length, z.brotliCompressSync(m).length)";
    let printed = output("node", &["-e", SCRIPT, &module.to_string_lossy()]).unwrap_or_default();
    let numbers: Vec<u64> = printed
        .split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect();
    match numbers[..] {
        [raw, gzip, brotli] => Ok(Sizes { raw, gzip, brotli }),
        _ => Err(Error::Told(
            "node did not measure the module's size".to_owned(),
        )),
    }
}

fn make_empty(folder: &Path) -> Result<(), Error> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|cause| file(folder, cause))?;
    }
    fs::create_dir_all(folder).map_err(|cause| file(folder, cause))
}

fn file(path: &Path, cause: std::io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        cause,
    }
}

impl std::fmt::Display for Sizes {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { raw, gzip, brotli } = self;
        write!(
            out,
            "{MODULE}_bg.wasm: {raw} bytes, gzip {gzip}, brotli {brotli}"
        )
    }
}
