//! Prekeys that run low are made anew and uploaded.

use crate::Stage;
use crate::everywhere::{Scene, kill_at};
use sealwire::ThreadId;
use sealwire_kill::{Cold, Home, Job};
use sealwire_tests::{ByHand, Keys, fields_of};

pub(crate) const TOPPING_UP: &[&str] = &["prekeys.made", "prekeys.answered", "prekeys.uploaded"];

/// What the relay holds of a device with enough.
const STOCK: u64 = 100;
/// So many are asked for by others: fewer are left than the relay calls low.
const TAKEN: u64 = 85;

struct ToppingUp(Stage);

impl Scene for ToppingUp {
    async fn next(&mut self) -> (Job, ThreadId) {
        let by_bob = ByHand::device(&self.0.relay.url, &self.0.bob.keys().await).await;
        for _ in 0..TAKEN {
            let answer = by_bob.get("/v1/users/alice/prekeys").await;
            assert_eq!(answer.status, 200);
        }
        (Job::TopUp, self.0.thread)
    }

    fn home(&self) -> &Home {
        &self.0.alice
    }

    async fn check(&mut self) {
        let cold = Cold::of(&self.0.alice).await.unwrap();
        let by_alice = ByHand::device(&self.0.relay.url, &Keys::of(&cold.store)).await;
        let left = fields_of(&by_alice.get("/v1/prekeys/count").await);
        for kind in ["one_time_prekeys", "one_time_kem_prekeys"] {
            assert_eq!(left[kind].as_u64(), Some(STOCK), "{left:?}");
        }
        // A session of old goes on.
        let said = self.0.alice_says(1);
        self.0.alice.start(&said).done().await;
        self.0.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_tops_up_its_prekeys_a_device_ends_with_a_full_stock() {
    kill_at(&mut ToppingUp(Stage::new().await), TOPPING_UP).await;
}
