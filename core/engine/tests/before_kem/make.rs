//! Makes the fixture of devices as they were before KEM prekeys: run in a checkout of commit c238c1e, the last without.
//!
//! To make it again: copy this file to core/engine/tests/with_relay/ there, declare the module in main.rs, and run
//! `SEALWIRE_FIXTURE=<folder> cargo test -p sealwire-engine --test with_relay before_kem`.

use crate::device::Device;
use crate::relay::Relay;
use serde_json::json;
use sealwire_store::{Location, Store, StoreKey};
use std::path::Path;

fn registered(relay: &mut Relay, folder: &Path, name: &str, seed: u64) -> Device {
    let location = Location::File(folder.join(format!("{name}.store")));
    let key = StoreKey::new([7; 32], [9; 16]);
    let mut device = Device::over(Store::open(&location, &key, None).unwrap(), seed);
    let call = device.register(name);
    device.run(relay);
    device.result(call).unwrap().unwrap();
    device.caught_up(relay);
    device
}

#[test]
fn make_the_fixture() {
    let Some(folder) = std::env::var_os("SEALWIRE_FIXTURE") else {
        return;
    };
    let folder = Path::new(&folder);
    let relay = &mut Relay::default();
    let mut alice = registered(relay, folder, "alice", 1);
    let mut bob = registered(relay, folder, "bob", 2);
    let mut carol = registered(relay, folder, "carol", 3);
    bob.send(relay, "alice", "hello");
    alice.deliver(relay);
    alice.send(relay, "bob", "hello to you");
    bob.deliver(relay);
    bob.send(relay, "alice", "read before");
    alice.deliver(relay);
    // On its way while alice is upgraded: it begins a session.
    carol.send(relay, "alice", "from before");
    // Of a session that is held.
    bob.send(relay, "alice", "also from before");
    // Written, and not sent.
    alice.queue("bob", "written before");
    for device in [alice, bob, carol] {
        device.engine.into_store().close().unwrap();
    }
    let named = |relay: &Relay| {
        json!({
            "lists": relay.lists,
            "registered": relay.registered.values().collect::<Vec<_>>(),
            "queues": relay.queues.iter().collect::<Vec<_>>(),
        })
    };
    std::fs::write(folder.join("relay.json"), serde_json::to_vec(&named(relay)).unwrap()).unwrap();
}
