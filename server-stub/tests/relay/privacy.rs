//! Settings and blocks over HTTP, and what they keep out.

use crate::world::*;
use reqwest::StatusCode;
use sealwire_wire::contract::{
    AccountSettings, Blocks, CreateThread, DirectMessages, ErrorCode, SendControl,
};

async fn put_settings(device: &Device, settings: AccountSettings) {
    let answer = device.put("/v1/me/settings").json(&settings).send().await;
    assert_eq!(ok::<AccountSettings>(answer.unwrap()).await, settings);
}

#[tokio::test]
async fn settings_come_back_as_they_were_put_and_a_field_left_out_takes_its_default() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    put_settings(
        &alice,
        AccountSettings {
            direct_messages: DirectMessages::Followers,
            read_receipts: false,
            presence: false,
        },
    )
    .await;
    let answer = alice
        .put("/v1/me/settings")
        .json(&serde_json::json!({ "presence": false }))
        .send()
        .await;
    let holds: AccountSettings = ok(answer.unwrap()).await;
    assert_eq!(
        holds,
        AccountSettings {
            presence: false,
            ..AccountSettings::default()
        }
    );
    let answer = alice.get("/v1/me/settings").send().await.unwrap();
    assert_eq!(ok::<AccountSettings>(answer).await, holds);
}

#[tokio::test]
async fn between_blocked_users_neither_messages_nor_control_messages_go_either_way() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    alice.sent(thread, 1, &[&bob]).await;
    let answer = bob.put("/v1/blocks/alice").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let blocks: Blocks = ok(bob.get("/v1/blocks").send().await.unwrap()).await;
    assert_eq!(blocks.users, std::slice::from_ref(&alice.name.user_id));
    for (from, to) in [(&alice, &bob), (&bob, &alice)] {
        let answer = from.send(thread, 2, &[to]).await;
        refused(answer, 403, ErrorCode::Blocked).await;
        let control = SendControl {
            to: vec![to.envelope()],
        };
        let answer = from
            .post("/v1/control")
            .header("idempotency-key", "c-1")
            .json(&control)
            .send()
            .await
            .unwrap();
        refused(answer, 403, ErrorCode::Blocked).await;
    }
    // A repeat of what was taken before is answered as before.
    alice.sent(thread, 1, &[&bob]).await;
    for _ in 0..2 {
        let url = format!("{}/v1/blocks/alice", relay.url());
        let request = bob.http.delete(url).bearer_auth(&bob.token);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    alice.sent(thread, 2, &[&bob]).await;
}

#[tokio::test]
async fn whoever_the_user_has_written_to_may_answer_and_nobody_else_may_begin() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    put_settings(
        &bob,
        AccountSettings {
            direct_messages: DirectMessages::None,
            ..AccountSettings::default()
        },
    )
    .await;
    let answer = alice.send(thread, 1, &[&bob]).await;
    refused(answer, 403, ErrorCode::DirectMessagesClosed).await;
    let to = bob.name.user_id.clone();
    let answer = alice.post("/v1/threads").json(&CreateThread { to }).send();
    refused(answer.await.unwrap(), 403, ErrorCode::DirectMessagesClosed).await;
    bob.sent(thread, 1, &[&alice]).await;
    alice.sent(thread, 1, &[&bob]).await;
}

#[tokio::test]
async fn a_block_of_nobody_or_of_oneself_is_refused() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    for (path, status, code) in [
        ("/v1/blocks/nobody", 404, ErrorCode::UserUnknown),
        ("/v1/blocks/alice", 422, ErrorCode::Unprocessable),
        ("/v1/blocks/a%20b", 400, ErrorCode::InvalidId),
    ] {
        let answer = alice.put(path).send().await.unwrap();
        refused(answer, status, code).await;
    }
}
