#!/usr/bin/env bash
# The wasm32-unknown-unknown target where rustup cannot fetch it: Debian's rustc-web and cargo-web (bookworm-security),
# with std built once for wasm32 into their sysroot (about a minute). Needs root; run again only after apt brought
# another rustc. Writes nothing outside /usr/lib/rustlib and what apt installs.
# Afterwards, as the user: rustup toolchain link debweb /usr
set -euo pipefail

target=wasm32-unknown-unknown
host=$(uname -m)-unknown-linux-gnu

install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

apt-get update -qq
install rustc-web cargo-web rust-web-src rust-web-clippy ca-certificates
# The same LLVM as rustc's: lld links, clang compiles SQLite's C.
llvm=$(/usr/bin/rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
install "lld-$llvm" "clang-$llvm"

version=$(/usr/bin/rustc -vV | sed -n 's/^release: //p')
rustlib=$(/usr/bin/rustc --print sysroot)/lib/rustlib
src=$(readlink -f "$rustlib/src/rust")
built_for="$(/usr/bin/rustc -vV | tr '\n' ' ')$(dpkg-query -W -f '${Version}' rust-web-src) v1"

# The target's linker is called rust-lld, and rustc looks for it here.
mkdir -p "$rustlib/$host/bin"
ln -sfn "/usr/lib/llvm-$llvm/bin/lld" "$rustlib/$host/bin/rust-lld"

if [ "$(cat "$rustlib/$target/.built-for" 2>/dev/null)" = "$built_for" ]; then
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/src" "$work/home"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "mkstd"
version = "0.0.0"
edition = "2021"

[profile.release]
opt-level = 3
codegen-units = 1
debug = false
TOML
echo '#![no_std]' >"$work/src/lib.rs"

# std's own dependencies are vendored in rust-web-src, so no registry is asked. RUSTC_BOOTSTRAP and build-std stay
# inside this script: the project's own builds need neither.
cd "$work"
env -u RUSTC_WRAPPER -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET -u RUSTUP_TOOLCHAIN \
  RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO_HOME="$work/home" CARGO_TARGET_DIR="$work/target" \
  RUSTFLAGS="-Cembed-bitcode=yes -Zforce-unstable-if-unmarked --remap-path-prefix=$rustlib/src/rust=/rustc/$version --remap-path-prefix=$src=/rustc/$version" \
  /usr/bin/cargo build -q --offline --release --target "$target" \
  -Z build-std=std,panic_abort,panic_unwind,proc_macro,test \
  --config 'source.crates-io.replace-with="vendored"' \
  --config "source.vendored.directory=\"$src/library/vendor\""

rm -rf "${rustlib:?}/$target"
mkdir -p "$rustlib/$target/lib"
for rlib in target/"$target"/release/deps/lib*.rlib; do
  case "$rlib" in
  */libmkstd*) ;;
  *) cp "$rlib" "$rustlib/$target/lib/" ;;
  esac
done
printf %s "$built_for" >"$rustlib/$target/.built-for"
