#!/usr/bin/env bash
# Puts the AAR together, without Gradle. CI runs it with stand-ins for the NDK's programs, which shows the archive's form and no more:
# it needs the Android NDK (ANDROID_NDK_HOME), cargo-ndk, a JDK, the Rust targets aarch64-linux-android, armv7-linux-androideabi and
# x86_64-linux-android, and for each of them an OpenSSL 3 that was configured with no-shared: SQLCipher's ciphers are its libcrypto's.
#
# First `cargo xtask test kotlin`: the classes are those of its jar, the generated code is the same for every target. An app adds
# kotlinx-coroutines and net.java.dev.jna:jna:5.19.1@aar, which brings JNA's own libraries.
#
# An AAR is a zip: AndroidManifest.xml, classes.jar, R.txt, proguard.txt and jni/<abi>/*.so
# (https://developer.android.com/studio/projects/android-library#aar-contents).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
package=$root/bindings/kotlin/target
out=$package/aar
: "${ANDROID_NDK_HOME:?the folder of the Android NDK}"
# As libsqlite3-sys reads it: by the target's name.
for target in AARCH64_LINUX_ANDROID ARMV7_LINUX_ANDROIDEABI X86_64_LINUX_ANDROID; do
    folder=${target}_OPENSSL_DIR
    [[ -d ${!folder:-} ]] || { echo "$folder: the folder of an OpenSSL 3 that was built for it with no-shared" >&2; exit 1; }
done
jars=("$package"/sealwire-*.jar)
[[ ${#jars[@]} == 1 && -f ${jars[0]} ]] || { echo "no one jar in $package: cargo xtask test kotlin" >&2; exit 1; }
tools=("$ANDROID_NDK_HOME"/toolchains/llvm/prebuilt/*/bin)

rm -rf "$out" && mkdir -p "$out/jni" "$out/classes"
(cd "$root" && cargo ndk --platform 24 -t arm64-v8a -t armeabi-v7a -t x86_64 -o "$out/jni" build --profile library -p sealwire-ffi)
for abi in arm64-v8a armeabi-v7a x86_64; do
    library=$out/jni/$abi/libsealwire_ffi.so
    "${tools[0]}/llvm-strip" --strip-unneeded "$library"
    # Devices with pages of 16 KiB load nothing that is aligned to less
    # (https://developer.android.com/guide/practices/page-sizes).
    alignments=$("${tools[0]}/llvm-readelf" -lW "$library" | awk '$1 == "LOAD" { print $NF }')
    [[ -n $alignments ]] || { echo "$library has no segment" >&2; exit 1; }
    for alignment in $alignments; do
        ((alignment >= 16384)) || { echo "$library is not aligned to 16 KiB" >&2; exit 1; }
    done
    # Android has no libcrypto for apps (https://developer.android.com/ndk/guides/stable_apis).
    if "${tools[0]}/llvm-readelf" -dW "$library" | grep NEEDED | grep -vE '\[lib(c|m|dl|log)\.so\]'; then
        echo "$library needs a library that is not on every device" >&2
        exit 1
    fi
done

(cd "$out/classes" && jar -xf "${jars[0]}" io META-INF/sealwire.kotlin_module && jar -cMf ../classes.jar .)
rm -r "$out/classes"
cp "$here/AndroidManifest.xml" "$out/"
cp "$here/consumer-rules.pro" "$out/proguard.txt"
# It has no resources.
: > "$out/R.txt"
(cd "$out" && jar -cMf ../sealwire.aar .)
ls -l "$package/sealwire.aar"
