// swift-tools-version: 6.0
import PackageDescription

// Whether the library is the XCFramework beside this file. `xcframework.sh` makes such a package of this one.
let xcframework = false

// Where the built libsealwire_ffi lies, if the system does not find it by itself. An absolute path.
let folder = Context.environment["SEALWIRE_LIBRARY_DIR"]

// Flags like these are allowed in the package that is worked on, not in one that another depends on: there the variable
// is not set.
let search = folder.map { folder in
    [LinkerSetting.unsafeFlags(["-L\(folder)", "-Xlinker", "-rpath", "-Xlinker", folder])]
}

// What the library needs of Apple's systems when it is linked into the app itself.
let apple: [LinkerSetting] = [
    .linkedFramework("CoreFoundation", .when(platforms: [.iOS, .macOS])),
    .linkedFramework("Security", .when(platforms: [.iOS, .macOS])),
    .linkedLibrary("iconv", .when(platforms: [.iOS, .macOS])),
]

let library: Target = xcframework
    ? .binaryTarget(name: "SealwireFFI", path: "SealwireFFI.xcframework")
    : .systemLibrary(name: "SealwireFFI", path: "Sources/SealwireFFI")

let package = Package(
    name: "Sealwire",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [
        .library(name: "Sealwire", targets: ["Sealwire"])
    ],
    targets: [
        library,
        // Made by UniFFI; `cargo xtask swift` refreshes it. It is not ours to bring up to Swift 6's checks: its types say
        // by themselves which of them are Sendable.
        .target(
            name: "SealwireCore",
            dependencies: ["SealwireFFI"],
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: apple + (search ?? [])
        ),
        .target(name: "Sealwire", dependencies: ["SealwireCore"]),
        .testTarget(name: "SealwireTests", dependencies: ["Sealwire"]),
    ]
)
