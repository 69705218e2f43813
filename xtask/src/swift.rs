//! The Swift below the hand-written layer: made of the built library, and kept in the tree, so that the package can be
//! compiled where no Rust is.

use std::path::{Path, PathBuf};

use crate::run::{Error, built, cargo, command, root, run};

/// What the generator writes, and where it is kept.
const KEPT: [(&str, &str); 2] = [
    (
        "SealwireCore.swift",
        "bindings/swift/Sources/SealwireCore/SealwireCore.swift",
    ),
    (
        "SealwireFFI.h",
        "bindings/swift/Sources/SealwireFFI/SealwireFFI.h",
    ),
];

/// What `cargo xtask swift` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compare them instead of writing them.
    #[arg(long)]
    check: bool,

    /// Take the library and the generator from the folder of this finished build.
    #[arg(long, value_name = "FOLDER")]
    built: Option<PathBuf>,
}

/// As [`main`] with `--check`, out of a build of the workspace.
pub(crate) fn check() -> Result<(), Error> {
    main(&Args {
        check: true,
        built: None,
    })
}

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    let (library, generator) = match &args.built {
        Some(folder) => (folder.join(LIBRARY), folder.join(GENERATOR)),
        None => {
            run(&mut cargo(["build", "--locked", "--workspace"]))?;
            (built(LIBRARY)?, built(GENERATOR)?)
        }
    };
    let fresh = std::env::temp_dir().join(format!("sealwire-swift-{}", std::process::id()));
    let mut generate = command(&generator.to_string_lossy());
    generate.current_dir(root().join("ffi"));
    generate.arg("generate").arg(&library);
    generate.args(["--language", "swift", "--no-format", "--out-dir"]);
    run(generate.arg(&fresh))?;
    let stale: Vec<_> = KEPT
        .into_iter()
        .map(|(name, kept)| settle(&fresh.join(name), &root().join(kept), args.check))
        .collect::<Result<Vec<_>, _>>()?;
    let _ = std::fs::remove_dir_all(&fresh);
    if args.check && stale.contains(&true) {
        return Err(Error::Told(
            "the generated Swift is not what the library declares: cargo xtask swift".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(target_os = "macos")]
const LIBRARY: &str = "libsealwire_ffi.dylib";
#[cfg(not(target_os = "macos"))]
const LIBRARY: &str = "libsealwire_ffi.so";
const GENERATOR: &str = "uniffi-bindgen";

/// Whether the kept file differs from the fresh one; without `only_look` it is put right.
fn settle(fresh: &Path, kept: &Path, only_look: bool) -> Result<bool, Error> {
    let file = |path: &Path, cause| Error::File {
        path: path.to_owned(),
        cause,
    };
    let text = std::fs::read_to_string(fresh).map_err(|cause| file(fresh, cause))?;
    // Spaces at the ends of lines are the generator's habit, not ours.
    let text: String = text
        .lines()
        .flat_map(|line| [line.trim_end(), "\n"])
        .collect();
    let differs = std::fs::read_to_string(kept).ok().as_ref() != Some(&text);
    if differs && !only_look {
        std::fs::write(kept, text).map_err(|cause| file(kept, cause))?;
    }
    Ok(differs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_file_that_differs_is_found_and_only_then_written() {
        let folder = std::env::temp_dir().join(format!("sealwire-settle-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (fresh, kept) = (folder.join("fresh"), folder.join("kept"));
        std::fs::write(&fresh, "func a() \n").unwrap();
        assert!(settle(&fresh, &kept, true).unwrap());
        assert!(!kept.exists());
        assert!(settle(&fresh, &kept, false).unwrap());
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "func a()\n");
        assert!(!settle(&fresh, &kept, true).unwrap());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
