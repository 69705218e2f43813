//! Files: whole or not at all, through cuts and changes.

use super::world::{Device, Meddling, Network, World, received, soon};
use futures_util::io::AllowStdIo;
use sealwire::attachments::{ForeignBytes, Piece, PieceSource};
use sealwire::transport::{Download, HttpResponse, TransportFailure};
use sealwire::{Attachment, BoxFuture, Client, Message, Progress, ThreadId};
use std::any::Any;
use std::future::ready;
use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, io};

/// Bytes that no two places share.
fn picture(size: usize) -> Vec<u8> {
    (0..size as u64)
        .flat_map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
        .take(size)
        .collect()
}

/// What is left of a file in a memory that is not the SDK's.
struct Elsewhere(Vec<u8>);

impl ForeignBytes for Elsewhere {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn to_vec(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl PieceSource for Elsewhere {
    fn next(&mut self, length: usize) -> BoxFuture<'_, io::Result<Piece>> {
        if self.len() < length {
            return Box::pin(ready(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        let rest = self.0.split_off(length);
        let piece = Self(std::mem::replace(&mut self.0, rest));
        Box::pin(ready(Ok(Piece::There(Arc::new(piece)))))
    }
}

/// Alice over a network of her own.
async fn alice_over(world: &World, network: Network) -> (Device, Client, ThreadId) {
    let device = world.device("alice");
    let alice = device
        .builder()
        .transport(Meddling::with(network))
        .open()
        .await
        .unwrap();
    alice.register("alice").await.unwrap();
    let thread = alice.direct_thread("bob").await.unwrap();
    (device, alice, thread)
}

async fn bob_receives(
    bob: &Client,
    sending: impl Future<Output = Result<Message, sealwire::Error>>,
) -> Message {
    let mut events = bob.events();
    soon(sending).await.unwrap();
    received(&mut events).await
}

#[tokio::test]
async fn files_of_every_size_arrive_as_they_were_from_every_source() {
    let world = World::new().await;
    let ((_, alice), (bob_device, bob), thread) = world.pair().await;
    let mut last = None;
    for size in [0, 1, 65_535, 65_536, 65_537, 300_000, 1_500_001, 3_000_000] {
        let bytes = picture(size);
        let path = world.folder.path().join("picture.png");
        fs::write(&path, &bytes).unwrap();
        let source = match size % 3 {
            0 => Attachment::from_path(&path),
            1 if size > 1 => Attachment::from_pieces(Elsewhere(bytes.clone()), size as u64),
            1 => Attachment::from_bytes(bytes.clone()),
            _ => Attachment::from_reader(
                AllowStdIo::new(fs::File::open(&path).unwrap()),
                size as u64,
            ),
        };
        let attachment = source
            .mime("image/png")
            .name("picture.png")
            .caption(format!("{size} bytes"));
        let message = bob_receives(&bob, alice.send_attachment(thread, attachment, |_| {})).await;
        let file = message.attachment().unwrap();
        assert_eq!(
            (file.size, file.mime.as_str(), file.name.as_str()),
            (size as u64, "image/png", "picture.png")
        );
        assert_eq!(message.text(), Some(format!("{size} bytes").as_str()));
        assert!(
            soon(bob.download_attachment(&message, |_| {}))
                .await
                .unwrap()
                == bytes,
            "{size}"
        );
        last = Some((message.local_id, bytes));
    }
    assert!(
        !world
            .folder
            .path()
            .join("alice.db-uploads")
            .read_dir()
            .is_ok_and(|mut left| left.next().is_some())
    );

    // From a cold store too, and into a writer.
    bob.close().await.unwrap();
    let bob = bob_device.open().await;
    let (local_id, bytes) = last.unwrap();
    let message = bob.message(local_id).await.unwrap().unwrap();
    let mut written = AllowStdIo::new(Vec::new());
    soon(bob.download_attachment_to(&message, &mut written, |_| {}))
        .await
        .unwrap();
    assert!(written.into_inner() == bytes);
    assert_eq!(bob.search("65537", None, None, 5).await.unwrap().len(), 1);
}

#[tokio::test]
async fn progress_rises_to_the_whole() {
    let world = World::new().await;
    let ((_, alice), (_, bob), thread) = world.pair().await;
    let seen = |into: &Arc<Mutex<Vec<Progress>>>| {
        let into = Arc::clone(into);
        move |progress| into.lock().unwrap().push(progress)
    };
    let (up, down) = (Arc::default(), Arc::default());
    let attachment = Attachment::from_bytes(picture(1_000_000));
    let message = bob_receives(&bob, alice.send_attachment(thread, attachment, seen(&up))).await;
    soon(bob.download_attachment(&message, seen(&down)))
        .await
        .unwrap();
    for seen in [up, down] {
        let seen = seen.lock().unwrap();
        assert!(seen.is_sorted_by_key(|progress| progress.done));
        assert!(seen.len() > 5);
        assert!(
            seen.last()
                .is_some_and(|last| last.done == last.total && last.total > 1_000_000)
        );
    }
}

#[tokio::test]
async fn a_changed_byte_is_noticed_wherever_it_is() {
    let world = World::new().await;
    let (_, alice) = world.registered("alice").await;
    let at = Arc::new(AtomicUsize::new(0));
    let place = Arc::clone(&at);
    let network = Network {
        download: Some(Box::new(move |_, answer| {
            flip(answer, place.load(Ordering::SeqCst))
        })),
        ..Network::default()
    };
    let device = world.device("bob");
    let bob = device
        .builder()
        .transport(Meddling::with(network))
        .open()
        .await
        .unwrap();
    bob.register("bob").await.unwrap();
    let thread = alice.direct_thread("bob").await.unwrap();
    at.store(usize::MAX, Ordering::SeqCst);
    let bytes = picture(200_000);
    let sending = alice.send_attachment(thread, Attachment::from_bytes(bytes.clone()), |_| {});
    let message = bob_receives(&bob, sending).await;
    for place in [0, 65_551, 65_552, 150_000, 199_999] {
        at.store(place, Ordering::SeqCst);
        let error = soon(bob.download_attachment(&message, |_| {}))
            .await
            .unwrap_err();
        assert_eq!(
            (error.code(), error.retryable()),
            ("attachment_tampered", false),
            "{place}"
        );
    }
    at.store(usize::MAX, Ordering::SeqCst);
    assert!(
        soon(bob.download_attachment(&message, |_| {}))
            .await
            .unwrap()
            == bytes
    );
}

/// The byte at this place has one bit changed.
fn flip(answer: Download, place: usize) -> Download {
    let mut seen = 0;
    let body = futures_util::StreamExt::map(answer.body, move |piece| {
        piece.map(|mut piece| {
            if let Some(byte) = place.checked_sub(seen).and_then(|at| piece.get_mut(at)) {
                *byte ^= 1;
            }
            seen += piece.len();
            piece
        })
    });
    Download {
        status: answer.status,
        body: Box::pin(body),
    }
}

#[tokio::test]
async fn a_download_that_is_cut_goes_on_where_it_was() {
    let world = World::new().await;
    let (_, alice) = world.registered("alice").await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let network = Network {
        download: Some(Box::new(move |from, answer| {
            let mut log = log.lock().unwrap();
            log.push(from);
            if log.len() > 2 {
                answer
            } else {
                cut(answer, 100_000)
            }
        })),
        ..Network::default()
    };
    let device = world.device("bob");
    let bob = device
        .builder()
        .transport(Meddling::with(network))
        .open()
        .await
        .unwrap();
    bob.register("bob").await.unwrap();
    let thread = alice.direct_thread("bob").await.unwrap();
    let bytes = picture(300_000);
    let sending = alice.send_attachment(thread, Attachment::from_bytes(bytes.clone()), |_| {});
    let message = bob_receives(&bob, sending).await;
    assert!(
        soon(bob.download_attachment(&message, |_| {}))
            .await
            .unwrap()
            == bytes
    );
    // A chunk and its tag have 65,552 bytes.
    assert_eq!(*asked.lock().unwrap(), [0, 65_552, 2 * 65_552]);
}

/// Nothing comes after this many bytes.
fn cut(answer: Download, after: usize) -> Download {
    let mut left = after;
    let body = futures_util::StreamExt::map(answer.body, move |piece| {
        let mut piece = piece?;
        if left == 0 {
            return Err(TransportFailure {
                detail: "the cable was cut".to_owned(),
            });
        }
        piece.truncate(left);
        left -= piece.len();
        Ok(piece)
    });
    Download {
        status: answer.status,
        body: Box::pin(body),
    }
}

#[tokio::test]
async fn each_try_of_an_upload_sends_the_same_bytes() {
    let world = World::new().await;
    let (_, bob) = world.registered("bob").await;
    let tries = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&tries);
    let network = Network {
        upload: Some(Box::new(move |bytes| {
            let mut log = log.lock().unwrap();
            log.push(bytes.to_vec());
            log.len() > 2
        })),
        ..Network::default()
    };
    let (_, alice, thread) = alice_over(&world, network).await;
    let bytes = picture(2_000_000);
    // A reader can be read once only.
    let reader = AllowStdIo::new(io::Cursor::new(bytes.clone()).take(u64::MAX));
    let sending = alice.send_attachment(
        thread,
        Attachment::from_reader(reader, bytes.len() as u64),
        |_| {},
    );
    let message = bob_receives(&bob, sending).await;
    assert!(
        soon(bob.download_attachment(&message, |_| {}))
            .await
            .unwrap()
            == bytes
    );
    let tries = tries.lock().unwrap();
    assert_eq!(tries.len(), 3);
    assert!(tries.iter().all(|bytes| *bytes == tries[0]));
}

#[tokio::test]
async fn a_source_of_another_length_sends_nothing() {
    let world = World::new().await;
    let ((device, alice), _, thread) = world.pair().await;
    for announced in [99_999, 100_001] {
        let reader = AllowStdIo::new(io::Cursor::new(picture(100_000)));
        let sending =
            alice.send_attachment(thread, Attachment::from_reader(reader, announced), |_| {});
        assert_eq!(
            soon(sending).await.unwrap_err().code(),
            "attachment_source",
            "{announced}"
        );
    }
    let nothing = alice.send_attachment(thread, Attachment::from_path("/no/such/file"), |_| {});
    assert_eq!(soon(nothing).await.unwrap_err().code(), "attachment_source");
    alice.close().await.unwrap();
    assert!(device.texts_after_a_cold_reopen(thread).await.is_empty());
}

#[tokio::test]
async fn an_attachment_that_the_relay_lost_is_gone() {
    let world = World::new().await;
    let (_, alice) = world.registered("alice").await;
    let network = Network {
        answer: Some(Box::new(|path, answer| {
            match path.starts_with("/v1/attachments/") {
                true => Ok(HttpResponse {
                    status: 404,
                    retry_after_ms: None,
                    body: br#"{"status":404,"code":"not_found"}"#.to_vec(),
                }),
                false => answer,
            }
        })),
        ..Network::default()
    };
    let bob = world
        .device("bob")
        .builder()
        .transport(Meddling::with(network))
        .open()
        .await
        .unwrap();
    bob.register("bob").await.unwrap();
    let thread = alice.direct_thread("bob").await.unwrap();
    let sending = alice.send_attachment(thread, Attachment::from_bytes("x"), |_| {});
    let message = bob_receives(&bob, sending).await;
    assert_eq!(
        soon(bob.download_attachment(&message, |_| {}))
            .await
            .unwrap_err()
            .code(),
        "attachment_gone"
    );
    let words = bob.send_text(thread, "no file").await.unwrap();
    assert_eq!(
        bob.download_attachment(&words, |_| {})
            .await
            .unwrap_err()
            .code(),
        "no_attachment"
    );
}

#[tokio::test]
async fn what_is_larger_than_the_relay_takes_is_refused_before_it_is_read() {
    let world = World::new().await;
    let ((_, alice), _, thread) = world.pair().await;
    let endless = AllowStdIo::new(io::repeat(0));
    let sending = alice.send_attachment(
        thread,
        Attachment::from_reader(endless, 200 * 1024 * 1024),
        |_| {},
    );
    assert_eq!(
        soon(sending).await.unwrap_err().code(),
        "attachment_too_large"
    );
}

#[tokio::test]
async fn a_file_for_a_thread_that_nobody_knows_is_not_uploaded() {
    let world = World::new().await;
    let ((_, alice), (_, bob), _) = world.pair().await;
    let uploads = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&uploads);
    let network = Network {
        upload: Some(Box::new(move |_| count.fetch_add(1, Ordering::SeqCst) == 0)),
        ..Network::default()
    };
    let carol = world
        .device("carol")
        .builder()
        .transport(Meddling::with(network))
        .open()
        .await
        .unwrap();
    carol.register("carol").await.unwrap();
    let theirs = alice.direct_thread("bob").await.unwrap();
    let sending = carol.send_attachment(theirs, Attachment::from_bytes("x"), |_| {});
    assert_eq!(soon(sending).await.unwrap_err().code(), "unknown_thread");
    assert_eq!(uploads.load(Ordering::SeqCst), 0);
    drop(bob);
}

#[tokio::test]
async fn an_upload_offline_says_so() {
    let world = World::new().await;
    let ((_, alice), _, thread) = world.pair().await;
    alice.go_offline().await.unwrap();
    let sending = alice.send_attachment(thread, Attachment::from_bytes("x"), |_| {});
    assert_eq!(soon(sending).await.unwrap_err().code(), "offline");
}

#[tokio::test]
async fn an_app_that_panics_over_the_progress_loses_no_transfer() {
    let world = World::new().await;
    let ((_, alice), (_, bob), thread) = world.pair().await;
    let bytes = picture(200_000);
    let attachment = Attachment::from_bytes(bytes.clone());
    let sending = alice.send_attachment(thread, attachment, |_| panic!("a bug of the app"));
    let message = bob_receives(&bob, sending).await;
    let fetched = bob.download_attachment(&message, |_| panic!("a bug of the app"));
    assert!(soon(fetched).await.unwrap() == bytes);
}
