#!/usr/bin/env bash
# On macOS, with Xcode and rustup: builds the library for Apple's platforms and puts a Swift package that carries it into
# target/swift/Sealwire of the workspace, ready to be zipped, or added to an app as a local package.
set -euo pipefail

package=$(cd "$(dirname "$0")" && pwd)
workspace=$(cd "$package/../.." && pwd)
cd "$workspace"
target=${CARGO_TARGET_DIR:-$workspace/target}
made=$workspace/target/swift
name=libsealwire_ffi.a

export IPHONEOS_DEPLOYMENT_TARGET=16.0 MACOSX_DEPLOYMENT_TARGET=13.0

triples=(
    aarch64-apple-ios
    aarch64-apple-ios-sim x86_64-apple-ios
    aarch64-apple-darwin x86_64-apple-darwin
)
rustup target add "${triples[@]}"
for triple in "${triples[@]}"; do
    cargo rustc --locked --profile library -p sealwire-ffi --lib --crate-type staticlib --target "$triple" -- --print native-static-libs
done

rm -rf "$made"
mkdir -p "$made"/{headers,simulator,mac,Sealwire/Sources}
lipo -create "$target"/{aarch64-apple-ios-sim,x86_64-apple-ios}/library/$name -output "$made/simulator/$name"
lipo -create "$target"/{aarch64-apple-darwin,x86_64-apple-darwin}/library/$name -output "$made/mac/$name"

# A module map without `link`: Xcode links the archive that the framework names.
cp "$package/Sources/SealwireFFI/SealwireFFI.h" "$made/headers/"
grep -v '^ *link ' "$package/Sources/SealwireFFI/module.modulemap" > "$made/headers/module.modulemap"

xcodebuild -create-xcframework \
    -library "$target/aarch64-apple-ios/library/$name" -headers "$made/headers" \
    -library "$made/simulator/$name" -headers "$made/headers" \
    -library "$made/mac/$name" -headers "$made/headers" \
    -output "$made/Sealwire/SealwireFFI.xcframework"

cp -R "$package/Sources/Sealwire" "$package/Sources/SealwireCore" "$made/Sealwire/Sources/"
# The same manifest, with the framework in the place of the system's library, and without the tests, which need a relay.
sed -e 's/^let xcframework = false$/let xcframework = true/' -e '/\.testTarget(/d' \
    "$package/Package.swift" > "$made/Sealwire/Package.swift"
grep -q '^let xcframework = true$' "$made/Sealwire/Package.swift"

swift build --package-path "$made/Sealwire"
rm -rf "$made/Sealwire/.build"
echo "made $made/Sealwire"
