//! The target wasm32-unknown-unknown: from rustup, else from Debian's packages; and clang for SQLite's C.

use std::process::Command;
use std::time::Duration;

use super::{AsRoot, packages, say};
use crate::run::{Error, cargo, command, output, root, run, run_within, succeeds};

/// The one target of every web build.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// The toolchain that stands for Debian's rustc in rustup's list.
const DEBIAN_TOOLCHAIN: &str = "debweb";

/// clang of these versions was seen to compile SQLCipher for wasm; newest first, then whatever is called clang.
const CLANGS: [&str; 10] = [
    "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang-15",
    "clang-14", "clang",
];

/// What the store asks nothing of, and a browser would have to load.
const SQLITE_WITHOUT: [&str; 35] = [
    "-USQLITE_ENABLE_API_ARMOR",
    "-USQLITE_ENABLE_BYTECODE_VTAB",
    "-USQLITE_ENABLE_COLUMN_METADATA",
    "-USQLITE_ENABLE_DBPAGE_VTAB",
    "-USQLITE_ENABLE_DBSTAT_VTAB",
    "-USQLITE_ENABLE_MATH_FUNCTIONS",
    "-USQLITE_ENABLE_OFFSET_SQL_FUNC",
    "-USQLITE_ENABLE_PREUPDATE_HOOK",
    "-USQLITE_ENABLE_RTREE",
    "-USQLITE_ENABLE_SESSION",
    "-USQLITE_ENABLE_STMTVTAB",
    "-USQLITE_ENABLE_UNKNOWN_SQL_FUNCTION",
    "-USQLITE_ENABLE_UNLOCK_NOTIFY",
    "-DSQLITE_OMIT_AUTHORIZATION",
    "-DSQLITE_OMIT_AUTOVACUUM",
    "-DSQLITE_OMIT_BETWEEN_OPTIMIZATION",
    "-DSQLITE_OMIT_COMPILEOPTION_DIAGS",
    "-DSQLITE_OMIT_COMPLETE",
    "-DSQLITE_OMIT_DATETIME_FUNCS",
    "-DSQLITE_OMIT_DECLTYPE",
    "-DSQLITE_OMIT_DESERIALIZE",
    "-DSQLITE_OMIT_GET_TABLE",
    "-DSQLITE_OMIT_JSON",
    "-DSQLITE_OMIT_INTROSPECTION_PRAGMAS",
    "-DSQLITE_OMIT_LIKE_OPTIMIZATION",
    "-DSQLITE_OMIT_LOCALTIME",
    "-DSQLITE_OMIT_LOOKASIDE",
    "-DSQLITE_OMIT_OR_OPTIMIZATION",
    "-DSQLITE_OMIT_PROGRESS_CALLBACK",
    "-DSQLITE_OMIT_SCHEMA_PRAGMAS",
    "-DSQLITE_OMIT_TCL_VARIABLE",
    "-DSQLITE_OMIT_TRACE",
    "-DSQLITE_OMIT_UTF16",
    "-DSQLITE_OMIT_XFER_OPT",
    "-DSQLITE_UNTESTABLE",
];

/// `cargo` for the wasm target: the toolchain in use if it has the target, else Debian's.
pub(crate) fn cargo_for_wasm() -> Result<Command, Error> {
    let mut wasm = if rustup_has_target() {
        cargo([])
    } else if debian_has_target() {
        cargo(["+debweb"])
    } else {
        return Err(Error::Told(format!(
            "no toolchain has the target {TARGET}: run `cargo xtask setup`"
        )));
    };
    let clang = clang().ok_or_else(|| {
        Error::Told("no clang to compile SQLite for wasm: run `cargo xtask setup`".to_owned())
    })?;
    wasm.env("CC_wasm32_unknown_unknown", clang);
    wasm.env("SQLITE_WASM_RS_FLAGS", SQLITE_WITHOUT.join(" "));
    Ok(wasm)
}

/// Whether [`cargo_for_wasm`] has clippy too; rustup's toolchain always has.
pub(crate) fn has_clippy() -> bool {
    rustup_has_target() || succeeds("/usr/bin/cargo-clippy", &["--version"])
}

/// What is missing and needs root. Tries the ordinary way first, which does not.
pub(super) fn missing() -> Result<Vec<AsRoot>, Error> {
    if debian_has_target() && clang().is_some() {
        say("have", &format!("{TARGET} (Debian's rustc-web)"));
        return Ok(Vec::new());
    }
    if rustup_has_target() || added_by_rustup() {
        say("have", &format!("{TARGET} (rustup)"));
        let clang = clang().map(|clang| say("have", clang));
        let install = clang
            .is_none()
            .then(|| packages::apt(&["clang"], "SQLite's C for wasm"));
        return Ok(install.flatten().into_iter().collect());
    }
    let script = root().join("xtask/scripts/wasm-toolchain.sh");
    Ok(vec![AsRoot {
        why: "rustup cannot fetch wasm32-unknown-unknown: Debian's rustc-web, one to two minutes",
        commands: vec![command(&script.to_string_lossy())],
    }])
}

/// Makes `cargo +debweb` mean Debian's cargo, where that is the one with the target.
pub(super) fn link() -> Result<(), Error> {
    if rustup_has_target() || succeeds("cargo", &["+debweb", "--version"]) {
        return Ok(());
    }
    say("link", "Debian's rustc as rustup's toolchain debweb");
    run(command("rustup").args(["toolchain", "link", DEBIAN_TOOLCHAIN, "/usr"]))
}

fn rustup_has_target() -> bool {
    output("rustup", &["target", "list", "--installed"])
        .is_some_and(|list| list.lines().any(|line| line == TARGET))
}

/// A mirror that does not answer must not hold up the setup for long.
fn added_by_rustup() -> bool {
    say("install", &format!("rustup target add {TARGET}"));
    let limit = Duration::from_secs(180);
    let mut add = command("rustup");
    add.args(["target", "add", TARGET]);
    run_within(&mut add, limit).is_ok() && rustup_has_target()
}

fn debian_has_target() -> bool {
    let library = output(
        "/usr/bin/rustc",
        &["--print", "target-libdir", "--target", TARGET],
    );
    library.is_some_and(|path| {
        std::path::Path::new(path.trim())
            .join("../.built-for")
            .exists()
    })
}

fn clang() -> Option<&'static str> {
    CLANGS
        .into_iter()
        .find(|clang| succeeds(clang, &["--version"]))
}
