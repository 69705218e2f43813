#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    sealwire_fuzz_targets::named("message").fuzz(input);
});
