use crate::testing::{text, with_thread, write};

#[test]
fn smoke() {
    let mut store = with_thread();
    write(&mut store, |tx| {
        tx.insert_message(&text(1, "Grüße aus 東京 👍🏽"))
    });
    for query in ["grusse", "gru", "東", "京", "東京", "👍"] {
        assert_eq!(
            store.search(query, None, None, 10).unwrap().len(),
            1,
            "{query}"
        );
    }
    assert_eq!(store.search("京都", None, None, 10).unwrap().len(), 0);
}
