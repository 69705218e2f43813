use crate::testing::{text, thread, user, with_thread, write};
use crate::{LocalId, NewMessage, Store, ThreadKind};
use proptest::prelude::*;
use sealwire_wire::{ThreadId, Timestamp};

const LINES: [&str; 26] = [
    "The lighthouse keeper sent three photographs",
    "Une crème brûlée à Orléans, naïve et coûteuse",
    "Die Straße ist größer als gedacht",
    "Przywiezie gitarę do Łodzi, żółte światło",
    "Vậy thì mang theo nhé, đường phố rất đẹp",
    "İstanbul'da ılık bir akşam",
    "Ещё один ёжик й его друзья",
    "Καλημέρα, ὁ λόγος ΦΙΛΟΣ",
    "我们明天去咖啡馆喝咖啡",
    "東京都の図書館で本を読む",
    "カタカナのガギグとｶﾞｷﾞｸﾞ",
    "학교에서 한국어를 배웠어요",
    "أحمد يشرب القَهْوَةَ في الميناء",
    "مدرسة كبيرة على التـــل",
    "این کتاب‌ها خوب است ۱۲۳",
    "שָׁלוֹם עולם, זה יום יפה",
    "नमस्ते दुनिया, किताब पढ़ना",
    "วันนี้ไปตลาดซื้อที่นอน",
    "ພາສາລາວງາມ",
    "ភាសាខ្មែរ",
    "မြန်မာဘာသာ",
    "thumbs 👍🏽 and a flag 🇫🇷 for 👩🏾‍💻",
    "see https://docs.example.com/guide/search?page=2#top now",
    "write to anna.smith@example.org, don't wait",
    "ﬁne print №5 and ２０２６ costs €30 ❤️",
    "half a sun 🌻🌻 and 1️⃣ keycap",
];

fn library() -> Store {
    let mut store = with_thread();
    write(&mut store, |tx| {
        (1..)
            .zip(LINES)
            .try_for_each(|(number, line)| tx.insert_message(&text(number, line)).map(drop))
    });
    store
}

/// The lines found, by their place in [`LINES`], in ascending order.
fn hits(store: &Store, query: &str) -> Vec<usize> {
    let found = store.search(query, None, None, 100).unwrap();
    let mut places: Vec<_> = found
        .iter()
        .map(|message| message.client_seq.0 as usize - 1)
        .collect();
    places.sort_unstable();
    places
}

#[test]
fn each_script_is_found_by_what_its_readers_type() {
    let store = library();
    let mut wrong = Vec::new();
    for (query, places) in [
        // words, beginnings, no case
        ("lighthouse", vec![0]),
        ("LIGHTHOUSE keeper", vec![0]),
        ("photo", vec![0]),
        ("hotographs", vec![]),
        ("l", vec![0, 3]),
        // without the accents, and with them
        ("creme brulee", vec![1]),
        ("crème brûlée", vec![1]),
        ("cre\u{300}me", vec![1]),
        ("strasse", vec![2]),
        ("straße", vec![2]),
        ("grosser", vec![2]),
        ("größer", vec![2]),
        ("groesser", vec![]),
        ("gitare lodzi zolte swiatlo", vec![3]),
        ("duong pho dep", vec![4]),
        ("istanbul", vec![5]),
        ("ISTANBUL ILIK", vec![5]),
        ("еще ежик", vec![6]),
        ("καλημερα φίλος", vec![7]),
        ("λογοσ", vec![7]),
        // Chinese: two, one, four characters, and two that do not stand side by side
        ("咖啡", vec![8]),
        ("咖", vec![8]),
        ("啡", vec![8]),
        ("咖啡馆喝", vec![8]),
        ("天喝", vec![]),
        // Japanese; kana with dakuten are other kana
        ("図書館", vec![9]),
        ("館", vec![9]),
        ("東京", vec![9]),
        ("京都", vec![9]),
        ("む", vec![9]),
        ("ガギ", vec![10]),
        ("カキ", vec![]),
        // Korean: inside a word, before its ending
        ("한국어", vec![11]),
        ("국어", vec![11]),
        ("한국어 학교", vec![11]),
        // Arabic with vowel signs, tatweel, hamza; Farsi
        ("القهوة", vec![12]),
        ("الميناء", vec![12]),
        ("احمد", vec![12]),
        ("مدرسه", vec![13]),
        ("التل", vec![13]),
        ("كتابها", vec![14]),
        ("123", vec![14]),
        // Hebrew points, Hindi vowel signs
        ("שלום", vec![15]),
        ("שָׁלוֹם", vec![15]),
        ("नमस्ते", vec![16]),
        ("नमसत", vec![]),
        ("किताब", vec![16]),
        ("कताब", vec![]),
        // Thai, Lao, Khmer, Burmese
        ("ตลาด", vec![17]),
        ("ที่นอน", vec![17]),
        ("ตลาดซื้อ", vec![17]),
        ("ตลาดที่", vec![]),
        ("ລາວ", vec![18]),
        ("ខ្មែរ", vec![19]),
        ("ဘာသာ", vec![20]),
        // emoji
        ("👍", vec![21]),
        ("👍🏿", vec![21]),
        ("🇫🇷", vec![21]),
        ("🇫🇮", vec![]),
        ("🇷🇫", vec![]),
        ("👩‍💻", vec![21]),
        ("👩", vec![21]),
        ("👩‍🚀", vec![]),
        ("❤", vec![24]),
        ("🌻", vec![25]),
        ("👍 flag", vec![21]),
        // addresses, by their parts and as a whole
        ("docs.example.com", vec![22]),
        ("example", vec![22, 23]),
        ("example.com", vec![22]),
        ("com.example", vec![]),
        ("https://docs.example.com/guide/sea", vec![22]),
        ("guide", vec![22]),
        ("anna.smith@example.org", vec![23]),
        ("smith", vec![23]),
        ("don't", vec![23]),
        ("don’t", vec![23]),
        // compatibility forms
        ("fine", vec![24]),
        ("2026", vec![24]),
        ("€", vec![24]),
    ] {
        let found = hits(&store, query);
        if found != places {
            wrong.push(format!("{query}: {found:?} instead of {places:?}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn all_words_count_and_their_order_does_not() {
    let store = library();
    assert_eq!(hits(&store, "keeper lighthouse"), [0]);
    assert_eq!(hits(&store, "lighthouse creme"), [] as [usize; 0]);
}

#[test]
fn a_single_letter_is_a_beginning_only_while_it_is_last() {
    let mut store = with_thread();
    write(&mut store, |tx| {
        tx.insert_message(&text(1, "plan b is better"))
    });
    assert_eq!(hits(&store, "plan b").len(), 1);
    assert_eq!(hits(&store, "p better").len(), 0);
    assert_eq!(hits(&store, "better p").len(), 1);
}

#[test]
fn what_a_query_language_would_take_for_syntax_is_text() {
    let store = library();
    for query in [
        "",
        " ",
        "\"",
        "\"\"",
        "'",
        "*",
        "^",
        ":",
        "(",
        "))",
        "-",
        "+",
        "AND",
        "OR NOT",
        "NEAR(",
        "tokens:keeper",
        "keeper*",
        "\"keeper",
        "keep* AND",
        "{tokens} : x",
        "\0",
        "keeper\0",
        "\u{fffd}",
        "\u{200d}",
        "\u{fe0f}",
        "%",
        "_",
        "\\",
        ";--",
        "👩\u{200d}",
        "🏽",
        "🇫",
        "\u{e000}1f44d",
        "\u{301}",
        "\u{10ffff}",
    ] {
        store.search(query, None, None, 10).unwrap();
    }
    assert_eq!(hits(&store, "\"keeper\"*)"), [0]);
    assert_eq!(
        hits(&store, "\u{e000}1f44d"),
        [] as [usize; 0],
        "nobody types our tokens"
    );
    assert_eq!(hits(&store, "?!"), [] as [usize; 0]);
}

#[test]
fn a_query_of_any_length_answers() {
    let store = library();
    for unit in ["a", "a ", "咖", "咖 ", "👍", "a.", "\"", "é", "🇫", "ก"] {
        store.search(&unit.repeat(10_000), None, None, 10).unwrap();
    }
    let whole = format!("lighthouse {}", "keeper ".repeat(5_000));
    assert_eq!(hits(&store, &whole), [0]);
}

#[test]
fn the_newest_come_first_and_pages_have_no_gaps() {
    let mut store = with_thread();
    write(&mut store, |tx| {
        (1..=25).try_for_each(|number| tx.insert_message(&text(number, "same words")).map(drop))
    });
    let mut seen = Vec::new();
    let mut before: Option<LocalId> = None;
    loop {
        let page = store.search("words", None, before, 10).unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.local_id);
        seen.extend(page.iter().map(|message| message.client_seq.0));
    }
    assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
}

#[test]
fn a_search_in_one_thread_finds_nothing_of_another() {
    let mut store = with_thread();
    let elsewhere = ThreadId::direct(&user("alice"), &user("carol"));
    write(&mut store, |tx| {
        tx.ensure_thread(
            elsewhere,
            ThreadKind::Direct,
            Some(&user("carol")),
            Timestamp(1),
        )?;
        tx.insert_message(&text(1, "words here"))?;
        tx.insert_message(&NewMessage {
            thread: elsewhere,
            ..text(2, "words there")
        })
    });
    let found = |within| {
        let hits = store.search("words", Some(within), None, 10).unwrap();
        hits.iter()
            .map(|message| message.client_seq.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(found(thread()), [1]);
    assert_eq!(found(elsewhere), [2]);
    assert_eq!(store.search("words", None, None, 10).unwrap().len(), 2);
}

#[test]
fn a_message_without_words_is_kept_and_not_found() {
    let mut store = with_thread();
    write(&mut store, |tx| tx.insert_message(&text(1, "...")));
    assert_eq!(store.count_messages(None).unwrap(), 1);
    assert_eq!(hits(&store, "..."), [] as [usize; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_makes_an_error_and_every_message_is_found_by_all_of_its_text(line in any::<String>(), query in any::<String>()) {
        let mut store = with_thread();
        write(&mut store, |tx| tx.insert_message(&text(1, &line)));
        store.search(&query, None, None, 10).unwrap();
        let searchable = super::query::match_expression(&line).is_some();
        prop_assert_eq!(hits(&store, &line).len(), usize::from(searchable), "{:?}", line);
    }

    #[test]
    fn a_run_is_found_exactly_where_it_stands(line in "[咖啡馆東京 ]{1,12}", query in "[咖啡馆東京]{1,4}") {
        let mut store = with_thread();
        write(&mut store, |tx| tx.insert_message(&text(1, &line)));
        prop_assert_eq!(hits(&store, &query).len() == 1, line.contains(&query), "{} in {}", query, line);
    }

    #[test]
    fn a_word_is_found_exactly_by_its_beginnings(words in proptest::collection::vec("[ab]{1,4}", 1..4), query in "[ab]{1,3}") {
        let mut store = with_thread();
        write(&mut store, |tx| tx.insert_message(&text(1, &words.join(" "))));
        let begins = words.iter().any(|word| word.starts_with(&query));
        prop_assert_eq!(hits(&store, &query).len() == 1, begins, "{} in {:?}", query, words);
    }
}

#[test]
fn what_one_transaction_puts_in_is_found_after_it_but_for_what_it_takes_away_again() {
    let mut store = with_thread();
    write(&mut store, |tx| {
        let ids = (1..=3).map(|number| tx.insert_message(&text(number, "a lighthouse")));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        tx.bury_message(ids[1].local_id())
    });
    let undone = store.transaction(|tx| {
        tx.insert_message(&text(4, "a lighthouse"))?;
        Err::<(), _>(crate::StoreError::NoSuch("reason to go on"))
    });
    assert!(undone.is_err());
    let found = store.search("lighthouse", None, None, 10).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|message| message.row.client_seq.0)
        .collect();
    assert_eq!(found, [3, 1]);
    let listed = store.thread(thread()).unwrap().unwrap();
    assert_eq!(
        listed.last_activity,
        Timestamp(1_003),
        "by its newest message"
    );
}
