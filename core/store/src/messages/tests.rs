use super::*;
use crate::testing::{pending, text, thread, with_thread, write};

#[test]
fn unconfirmed_messages_stand_after_all_others_in_the_order_of_their_making() {
    let mut store = with_thread();
    write(&mut store, |tx| {
        tx.insert_message(&pending(1, "mine 1"))?;
        tx.insert_message(&text(2, "theirs 2"))?;
        tx.insert_message(&pending(2, "mine 2"))?;
        tx.insert_message(&text(1, "theirs 1"))
    });
    let texts = |page: Vec<Message>| {
        page.iter()
            .filter_map(|message| message.text.clone())
            .collect::<Vec<_>>()
    };
    let all = store.page(thread(), None, 10).unwrap();
    assert_eq!(texts(all), ["mine 2", "mine 1", "theirs 2", "theirs 1"]);
    let mut paged = Vec::new();
    let mut before = None;
    while let Some(message) = store.page(thread(), before, 1).unwrap().pop() {
        before = Some(message.cursor());
        paged.push(message);
    }
    assert_eq!(texts(paged), ["mine 2", "mine 1", "theirs 2", "theirs 1"]);
}
