#!/usr/bin/env bash
# Puts the AAR together, without Gradle. Not built in CI: it needs the Android NDK (ANDROID_NDK_HOME), cargo-ndk, and the Rust
# targets aarch64-linux-android, armv7-linux-androideabi and x86_64-linux-android.
#
# First `cargo xtask test kotlin`: the classes are those of its jar, the generated code is the same for every target. An app adds
# kotlinx-coroutines and net.java.dev.jna:jna:5.19.1@aar, which brings JNA's own libraries.
#
# An AAR is a zip: AndroidManifest.xml, classes.jar, R.txt, proguard.txt and jni/<abi>/*.so
# (https://developer.android.com/studio/projects/android-library#aar-contents).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$root/bindings/kotlin/target/aar
: "${ANDROID_NDK_HOME:?the folder of the Android NDK}"

rm -rf "$out" && mkdir -p "$out/jni" "$out/classes"
# SQLCipher's libcrypto: OpenSSL built for each ABI, named by <ABI>_OPENSSL_DIR as openssl-sys reads it.
(cd "$root" && cargo ndk --platform 24 -t arm64-v8a -t armeabi-v7a -t x86_64 -o "$out/jni" build --profile library -p sealwire-ffi)
strip=$(ls "$ANDROID_NDK_HOME"/toolchains/llvm/prebuilt/*/bin/llvm-strip)
for library in "$out"/jni/*/libsealwire_ffi.so; do
    "$strip" --strip-unneeded "$library"
    # Devices with pages of 16 KiB load nothing that is aligned to less.
    readelf -lW "$library" | awk '$1 == "LOAD" && strtonum($NF) < 16384 { exit 1 }' ||
        { echo "$library is not aligned to 16 KiB" >&2; exit 1; }
done

jar=$(ls "$root"/bindings/kotlin/target/sealwire-*.jar | grep -v sources)
(cd "$out/classes" && unzip -q "$jar" 'io/*' 'META-INF/*.kotlin_module')
(cd "$out/classes" && zip -qr ../classes.jar .) && rm -r "$out/classes"
cp "$here/AndroidManifest.xml" "$out/"
cp "$here/consumer-rules.pro" "$out/proguard.txt"
: > "$out/R.txt"
(cd "$out" && zip -qr ../sealwire.aar .)
ls -l "$root/bindings/kotlin/target/sealwire.aar"
