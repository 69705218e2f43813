//! What npm's world needs of us: the package, and the page that shows it.

use std::process::Command;

use crate::run::{Error, command, root, run};
use crate::web;

/// node in a folder of the workspace.
pub(crate) fn node(folder: &str, args: &[&str]) -> Command {
    let mut node = command("node");
    node.args(args);
    node.current_dir(root().join(folder));
    node
}

/// bindings/web/dist, with the module that `cargo xtask web` built.
pub(crate) fn build_package() -> Result<(), Error> {
    let module = web::target().join("web/pkg");
    run(node("bindings/web", &["build.mjs"]).arg(module))
}

/// examples/web-chat/dist, after the package.
pub(crate) fn build_chat() -> Result<(), Error> {
    let chat = "examples/web-chat";
    run(&mut node(
        chat,
        &["node_modules/typescript/bin/tsc", "--noEmit"],
    ))?;
    run(&mut node(chat, &["node_modules/vite/bin/vite.js", "build"]))
}

/// The tarball that npm would publish, in bytes.
pub(crate) fn pack() -> Result<u64, Error> {
    let folder = web::target().join("web");
    let mut pack = command("npm");
    pack.args(["pack", "--silent", "--pack-destination"]);
    pack.arg(&folder);
    run(pack.current_dir(root().join("bindings/web")))?;
    let tarball = folder.join("sealwire-0.1.0.tgz");
    let there = tarball.metadata().map_err(|cause| Error::File {
        path: tarball,
        cause,
    })?;
    Ok(there.len())
}
