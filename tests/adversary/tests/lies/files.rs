//! Downloads that never end, or are not what was announced.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use futures_util::{StreamExt as _, stream};
use sealwire::Attachment;
use sealwire::transport::Download;
use sealwire_tests::{Device, Fate, edit, same_everywhere, soon, start_pair};
use serde_json::json;

/// A picture of alice's that bob has the message of.
async fn sent_picture(
    alice: &Device,
    bob: &Device,
    thread: sealwire::ThreadId,
) -> (sealwire::Message, Vec<u8>) {
    let picture: Vec<u8> = (0..300_000_u32)
        .flat_map(u32::to_be_bytes)
        .take(300_000)
        .collect();
    let attachment = Attachment::from_bytes(picture.clone()).caption("a picture");
    alice
        .client
        .send_attachment(thread, attachment, |_| ())
        .await
        .unwrap();
    bob.until_messages(thread, 1).await;
    let message = bob.messages(thread).await.remove(0);
    (message, picture)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_of_another_size_than_announced_is_refused() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let (message, picture) = sent_picture(&alice, &bob, thread).await;
    for size in [0, 299_999, u64::MAX] {
        bob.adversary
            .on_request(move |seen| match seen.is("GET", "/v1/attachments/") {
                true => edit(move |found| found["size"] = json!(size)),
                false => Fate::Passed,
            });
        let refused = soon("refused", bob.client.download_attachment(&message, |_| ())).await;
        assert_eq!(refused.unwrap_err().code(), "attachment_tampered");
    }
    bob.adversary.rest();
    let whole = soon("whole", bob.client.download_attachment(&message, |_| ())).await;
    assert!(whole.unwrap() == picture);
    same_everywhere(thread, vec![alice, bob], &["a picture"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_goes_on_for_ever_ends_where_the_file_does() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let (message, picture) = sent_picture(&alice, &bob, thread).await;
    bob.adversary.on_download(|_, download| Download {
        body: Box::pin(
            download
                .body
                .chain(stream::repeat_with(|| Ok(vec![0; 65_536]))),
        ),
        ..download
    });
    let whole = soon("whole", bob.client.download_attachment(&message, |_| ())).await;
    assert!(whole.unwrap() == picture);
    same_everywhere(thread, vec![alice, bob], &["a picture"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_of_something_else_without_end_is_refused_at_its_first_chunk() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let (message, picture) = sent_picture(&alice, &bob, thread).await;
    bob.adversary.on_download(|_, download| Download {
        body: Box::pin(stream::repeat_with(|| Ok(vec![0; 65_536]))),
        ..download
    });
    let refused = soon("refused", bob.client.download_attachment(&message, |_| ())).await;
    assert_eq!(refused.unwrap_err().code(), "attachment_tampered");
    bob.adversary.rest();
    let whole = soon("whole", bob.client.download_attachment(&message, |_| ())).await;
    assert!(whole.unwrap() == picture);
    same_everywhere(thread, vec![alice, bob], &["a picture"]).await;
}
