//! `cargo xtask demo --web`: a relay and the web chat on this machine, until Ctrl-C.

use std::process::Stdio;

use crate::npm::{build_chat, build_package, node};
use crate::run::{Error, cargo, command, run};
use crate::setup::{self, Needs};
use crate::web;

/// Devices sign the relay's address, and what a browser keeps belongs to the page's: both stay the same from one demo to the next.
const RELAY: &str = "127.0.0.1:9180";
const PAGE_PORT: &str = "9181";

/// Kept below target, so that the next demo goes on where this one ended.
pub(crate) fn main() -> Result<(), Error> {
    setup::install(Needs::WEB)?;
    run(&mut cargo([
        "build",
        "--locked",
        "--release",
        "-p",
        "sealwire-relay",
    ]))?;
    web::build(false)?;
    build_package()?;
    build_chat()?;

    let mut relay = command(
        &web::target()
            .join("release/sealwire-relay")
            .to_string_lossy(),
    );
    relay
        .arg("--data")
        .arg(web::target().join("web/demo-relay"));
    relay.args(["--listen", RELAY]).stdout(Stdio::null());
    let mut relay = relay.spawn().map_err(|cause| Error::NotStarted {
        program: "sealwire-relay".to_owned(),
        cause,
    })?;
    println!("\nthe web chat: http://localhost:{PAGE_PORT}/?relay=http://{RELAY}");
    println!("a second person in the same browser: add &device=second. Ctrl-C ends both.\n");
    let vite = [
        "node_modules/vite/bin/vite.js",
        "preview",
        "--strictPort",
        "--port",
        PAGE_PORT,
        "--logLevel",
        "warn",
    ];
    let served = run(&mut node("examples/web-chat", &vite));
    // It may have ended with the same Ctrl-C.
    let _ = relay.kill();
    let _ = relay.wait();
    served
}
