//! docs/scenario.md, the last of it: everybody in one conversation.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used)]

use futures_util::future::join_all;
use sealwire_together::{Door, Peer, Picture, Relay};
use std::path::PathBuf;
use tempfile::TempDir;

const LINES: [&str; 8] = [
    "Ein Gruß aus Köln, Straße am Dom 👋",
    "Rendez-vous à la gare, dès l'été",
    "東京で会いましょう",
    "你好，明天见",
    "서울에서 만나요",
    "مرحبا، أراك غدا",
    "נתראה מחר בבוקר",
    "कल सुबह मिलते हैं",
];

/// Whose device is which, in the order of [`DOORS`].
const PEOPLE: [&str; 4] = ["anna", "ben", "anna", "ben"];
const DOORS: [Door; 4] = [Door::Rust, Door::Jvm, Door::Python, Door::Browser];
/// The numbers of the devices in their accounts.
const DEVICES: [u32; 4] = [1, 1, 2, 2];

/// What one device said, in this order: words, and the digest of the picture beside them.
type Said = Vec<(String, Option<String>)>;

struct World {
    folder: TempDir,
    relay: Relay,
}

#[tokio::test]
#[ignore = "needs every door built: `cargo xtask test together`"]
async fn everybody_in_one_conversation_ends_with_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay")).await;
    let world = World { folder, relay };
    let mut said: [Said; 4] = Default::default();

    let mut peers = world.four_devices_of_two_people().await;
    let thread = same_thread(&mut peers).await;

    // All write at once: every line in one direction, an answer in the other.
    let lines: [Vec<String>; 4] = std::array::from_fn(lines_of);
    write(&mut peers, &thread, &lines, &mut said).await;
    let [_, _, python, browser] = &mut peers;
    let (strand, berge) = (
        Picture::make(&world.path("strand.png"), 1),
        Picture::make(&world.path("berge.png"), 2),
    );
    tokio::join!(
        python.show(&thread, strand.path.clone(), "Am Strand ☀"),
        browser.show(&thread, berge.path.clone(), "In den Bergen ⛰"),
    );
    said[2].push(("Am Strand ☀".to_owned(), Some(strand.digest)));
    said[3].push(("In den Bergen ⛰".to_owned(), Some(berge.digest)));
    wait_for_messages(&mut peers, &thread, 18).await;

    let [_, jvm, python, _] = &mut peers;
    for marking in [jvm, python] {
        assert_eq!(marking.count_unread().await, 9, "{}", marking.name());
        marking.mark_read(&thread).await;
        assert_eq!(marking.count_unread().await, 0, "{}", marking.name());
    }
    wait_until_read(&mut peers, &thread, [9, 9]).await;

    // One is away: it misses what the others write, and they what it writes.
    peers[3].go_offline().await;
    let meanwhile: [Vec<String>; 4] = std::array::from_fn(|peer| {
        let count = if DOORS[peer] == Door::Browser { 1 } else { 2 };
        (1..=count)
            .map(|number| format!("{}, unterwegs {number}", peers[peer].name()))
            .collect()
    });
    write(&mut peers, &thread, &meanwhile, &mut said).await;
    wait_for_messages(&mut peers[..3], &thread, 24).await;
    assert_eq!(peers[3].count_messages(&thread).await, 19);
    assert_eq!(peers[0].count_messages(&thread).await, 24);
    peers[3].go_online().await;
    wait_for_messages(&mut peers, &thread, 25).await;
    peers[3].mark_read(&thread).await;
    peers[0].mark_read(&thread).await;
    wait_until_read(&mut peers, &thread, [13, 12]).await;

    let again = peers.map(|peer| peer.start_again(&world.relay.url));
    let mut peers = join_all(again).await;
    let held = join_all(peers.iter_mut().map(|peer| peer.history(&thread))).await;
    let rows = &held[0].rows;
    assert!(rows.is_sorted_by(|one, next| one.id < next.id), "{rows:#?}");
    for (peer, held) in held.iter().enumerate() {
        let name = peers[peer].name();
        assert_eq!(&held.rows, rows, "{name} holds other rows than Rust");
        for (row, state) in rows.iter().zip(&held.states) {
            let own = row.sender == PEOPLE[peer];
            let wanted = if own { "read" } else { "received" };
            assert_eq!(state, wanted, "{name}: {row:?}");
        }
        let sent = rows
            .iter()
            .filter(|row| (row.sender.as_str(), row.device) == (PEOPLE[peer], DEVICES[peer]));
        let sent: Said = sent
            .map(|row| (row.text.clone(), row.picture.clone()))
            .collect();
        assert_eq!(sent, said[peer], "what {name} said");
    }
    assert_eq!(rows.len(), said.iter().map(Vec::len).sum::<usize>());
    join_all(peers.into_iter().map(Peer::end)).await;
}

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Rust and Python are Anna's, the JVM and the browser Ben's.
    async fn four_devices_of_two_people(&self) -> [Peer; 4] {
        let url = &self.relay.url;
        let [rust, jvm, python, browser] =
            DOORS.map(|door| Peer::start(door, self.path(&format!("{door:?}")), url));
        let (mut rust, mut jvm, mut python, mut browser) = tokio::join!(rust, jvm, python, browser);
        tokio::join!(rust.register("anna"), jvm.register("ben"));
        tokio::join!(rust.let_in(&mut python), jvm.let_in(&mut browser));
        [rust, jvm, python, browser]
    }
}

/// Each knows it by the other's name.
async fn same_thread(peers: &mut [Peer; 4]) -> String {
    let [rust, jvm, python, browser] = peers;
    let (thread, jvm, python, browser) = tokio::join!(
        rust.direct_thread("ben"),
        jvm.direct_thread("anna"),
        python.direct_thread("ben"),
        browser.direct_thread("anna"),
    );
    assert_eq!([&jvm, &python, &browser], [&thread; 3]);
    thread
}

/// One half of the lines of its person, who says all eight.
fn lines_of(peer: usize) -> Vec<String> {
    let lines = LINES.iter().skip(peer / 2).step_by(2);
    match PEOPLE[peer] {
        "anna" => lines.map(|&line| line.to_owned()).collect(),
        _ => lines.map(|line| format!("↩ {line}")).collect(),
    }
}

/// Each its own, one after the other; all at once.
async fn write(peers: &mut [Peer], thread: &str, lines: &[Vec<String>; 4], said: &mut [Said; 4]) {
    let writing = peers.iter_mut().zip(lines).map(async |(peer, lines)| {
        for line in lines {
            peer.write(thread, line).await;
        }
    });
    join_all(writing).await;
    for (said, lines) in said.iter_mut().zip(lines) {
        said.extend(lines.iter().map(|line| (line.clone(), None)));
    }
}

async fn wait_for_messages(peers: &mut [Peer], thread: &str, count: usize) {
    let waiting = peers.iter_mut();
    join_all(waiting.map(|peer| peer.wait_for_messages(thread, count))).await;
}

/// Of Anna's messages so many, and of Ben's, on all devices of both.
async fn wait_until_read(peers: &mut [Peer], thread: &str, [annas, bens]: [usize; 2]) {
    let counts = [annas, bens, annas, bens];
    let waiting = peers.iter_mut().zip(counts);
    join_all(waiting.map(|(peer, count)| peer.wait_until_read(thread, count))).await;
}
