//! Who may connect: so many at once, and so many from one address.

use crate::api::rated;
use crate::config::Connections;
use crate::measure::Counter;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections.
pub(crate) struct Door {
    bounds: Connections,
    open: Arc<Mutex<Open>>,
    turned_away: Arc<Counter>,
}

#[derive(Default)]
struct Open {
    total: usize,
    /// Only of addresses that have any.
    by_address: HashMap<IpAddr, usize>,
}

/// A connection that was let in; dropped, it is closed.
pub(crate) struct Inside {
    address: IpAddr,
    open: Arc<Mutex<Open>>,
}

impl Door {
    /// Behind a proxy every connection has the proxy's address: then only their total is bounded.
    pub(crate) fn new(bounds: Connections, behind_proxy: bool) -> Self {
        let per_address = if behind_proxy {
            usize::MAX
        } else {
            bounds.per_address
        };
        Self {
            bounds: Connections {
                per_address,
                ..bounds
            },
            open: Arc::default(),
            turned_away: Arc::default(),
        }
    }

    /// How many found no room.
    pub(crate) fn turned_away(&self) -> Arc<Counter> {
        Arc::clone(&self.turned_away)
    }

    /// Lets a connection in, if there is room for it.
    pub(crate) fn let_in(&self, peer: IpAddr) -> Option<Inside> {
        let address = rated(peer);
        let mut open = lock(&self.open);
        let here = open.by_address.get(&address).copied().unwrap_or_default();
        if open.total >= self.bounds.total || here >= self.bounds.per_address {
            self.turned_away.add(1);
            return None;
        }
        open.total += 1;
        open.by_address.insert(address, here + 1);
        Some(Inside {
            address,
            open: Arc::clone(&self.open),
        })
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.total -= 1;
        if let Some(here) = open.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

fn lock(open: &Mutex<Open>) -> std::sync::MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_address_takes_its_share_and_all_together_no_more_than_there_is() {
        let bounds = Connections {
            total: 3,
            per_address: 2,
        };
        let door = Door::new(bounds, false);
        let first = door.let_in(address(1)).unwrap();
        let _second = door.let_in(address(1)).unwrap();
        assert!(door.let_in(address(1)).is_none());
        let _other = door.let_in(address(2)).unwrap();
        assert!(door.let_in(address(3)).is_none());
        drop(first);
        let third = door.let_in(address(1)).unwrap();
        drop(third);
        assert_eq!(door.open.lock().unwrap().by_address.len(), 2);
    }

    #[test]
    fn behind_a_proxy_only_the_total_counts() {
        let bounds = Connections {
            total: 3,
            per_address: 1,
        };
        let door = Door::new(bounds, true);
        let inside: Vec<_> = (0..4).filter_map(|_| door.let_in(address(1))).collect();
        assert_eq!(inside.len(), 3);
    }
}
