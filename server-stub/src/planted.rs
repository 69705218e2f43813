//! A bug that a simulation can switch on in its own thread, to see that it finds it. In no build that serves anybody.

use std::cell::Cell;

thread_local! {
    static OLD_REMOVES_NEW: Cell<bool> = const { Cell::new(false) };
}

/// From now on a socket that ends removes whatever its device has, a newer socket too; or not any more.
pub fn let_an_old_socket_remove_a_new_one(planted: bool) {
    OLD_REMOVES_NEW.set(planted);
}

pub(crate) fn an_old_socket_removes_a_new_one() -> bool {
    OLD_REMOVES_NEW.get()
}
