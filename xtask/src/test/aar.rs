//! The form of the AAR that `bindings/kotlin/android/build-aar.sh` puts together: what Android's tools expect to find in it.
//!
//! The NDK cannot be had here, so stand-ins take the place of its programs, and libraries of nothing that of ours. Whether the
//! result runs on a device stays open.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::run::{Error, command, output, root, run};

/// `cargo ndk … -o FOLDER …`: a library for each ABI that is asked for.
const CARGO_NDK: &str = "#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
        -t) abis=\"$abis $2\"; shift ;;
        -o) folder=$2; shift ;;
    esac
    shift
done
for abi in $abis; do
    mkdir -p \"$folder/$abi\"
    echo 'int sealwire(void) { return 0; }' |
        cc -x c - -shared -nostdlib -fPIC \"-Wl,-z,max-page-size=${STAND_IN_PAGE:-16384}\" $STAND_IN_NEEDS -o \"$folder/$abi/libsealwire_ffi.so\" || exit 1
done
";

/// Everything that belongs into it (<https://developer.android.com/studio/projects/android-library#aar-contents>).
const CONTENTS: [&str; 7] = [
    "AndroidManifest.xml",
    "R.txt",
    "classes.jar",
    "jni/arm64-v8a/libsealwire_ffi.so",
    "jni/armeabi-v7a/libsealwire_ffi.so",
    "jni/x86_64/libsealwire_ffi.so",
    "proguard.txt",
];

/// After Maven, whose jar has the classes.
pub(super) fn check() -> Result<(), Error> {
    let ndk = std::env::temp_dir().join(format!("sealwire-ndk-{}", std::process::id()));
    let checked = stand_ins(&ndk).and_then(|()| with(&ndk));
    let _ = fs::remove_dir_all(&ndk);
    checked
}

fn with(ndk: &Path) -> Result<(), Error> {
    for (name, value) in [
        ("STAND_IN_PAGE", "4096"),
        ("STAND_IN_NEEDS", "-Wl,--no-as-needed -lcrypto"),
    ] {
        if run(build(ndk).env(name, value)).is_ok() {
            return Err(Error::Told(format!(
                "build-aar.sh takes a library that was linked with {name}={value}"
            )));
        }
    }
    // Twice: the second one replaces the first.
    run(&mut build(ndk))?;
    run(&mut build(ndk))?;
    let package = root().join("bindings/kotlin/target");
    expect("the AAR", listed(&package.join("sealwire.aar"))?, |files| {
        files == CONTENTS
    })?;
    let classes = listed(&package.join("aar/classes.jar"))?;
    expect("its classes.jar", classes, |files| {
        let has = |name: &str| files.iter().any(|file| file == name);
        has("io/github/sealwire/Client.class")
            && has("META-INF/sealwire.kotlin_module")
            && !files.iter().any(|file| file.ends_with(".so"))
    })
}

fn expect(what: &str, files: Vec<String>, holds: fn(&[String]) -> bool) -> Result<(), Error> {
    match holds(&files) {
        true => Ok(()),
        false => Err(Error::Told(format!(
            "{what} is not well-formed: it holds {}",
            files.join(", ")
        ))),
    }
}

/// The files of an archive, sorted.
fn listed(archive: &Path) -> Result<Vec<String>, Error> {
    let text = output("jar", &["-tf", &archive.to_string_lossy()]).unwrap_or_default();
    let files = text.lines().filter(|name| !name.ends_with('/'));
    let mut files: Vec<_> = files.map(str::to_owned).collect();
    files.sort();
    match files.is_empty() {
        true => Err(Error::Told(format!("{} is no zip", archive.display()))),
        false => Ok(files),
    }
}

fn build(ndk: &Path) -> std::process::Command {
    let mut build = command("bash");
    build.arg(root().join("bindings/kotlin/android/build-aar.sh"));
    let path = std::env::var("PATH").unwrap_or_default();
    build.env("PATH", format!("{}:{path}", ndk.join("path").display()));
    build.env("ANDROID_NDK_HOME", ndk);
    for target in [
        "AARCH64_LINUX_ANDROID",
        "ARMV7_LINUX_ANDROIDEABI",
        "X86_64_LINUX_ANDROID",
    ] {
        build.env(format!("{target}_OPENSSL_DIR"), ndk);
    }
    build
}

fn stand_ins(ndk: &Path) -> Result<(), Error> {
    let tools = ndk.join("toolchains/llvm/prebuilt/here/bin");
    program(&tools, "llvm-strip", "#!/bin/sh\nexec strip \"$@\"\n")?;
    program(&tools, "llvm-readelf", "#!/bin/sh\nexec readelf \"$@\"\n")?;
    program(&ndk.join("path"), "cargo", CARGO_NDK)
}

fn program(folder: &Path, name: &str, text: &str) -> Result<(), Error> {
    let path = folder.join(name);
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, text))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
    written.map_err(|cause| Error::File { path, cause })
}
