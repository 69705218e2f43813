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
const BROTLI_MAX: u64 = 9 * 1024 * 1024 / 10;

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
    let module = fresh.join(format!("{MODULE}_bg.wasm"));
    shrink(&module)?;
    let sizes = measure(&module)?;
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|cause| file(&folder, cause))?;
    }
    fs::rename(&fresh, &folder).map_err(|cause| file(&folder, cause))?;
    if sizes.brotli > BROTLI_MAX {
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

/// binaryen's wasm-opt, at the version of wasm/package.json: Debian's writes a module that does not load.
fn shrink(module: &Path) -> Result<(), Error> {
    let wasm_opt = node::installed_folder("wasm").join("binaryen/bin/wasm-opt");
    let mut shrink = command("node");
    shrink.arg(wasm_opt).arg(module).arg("-o").arg(module);
    // What rustc and clang turn on for this target, and every browser with OPFS has.
    shrink.args([
        "-Oz",
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
