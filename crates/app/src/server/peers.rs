//! How many connections each network address has open.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Open connections by address. IPv6 counts by /64, which one household has for itself.
#[derive(Clone)]
pub(super) struct Peers {
    per_peer_max: usize,
    trusted: Arc<[IpAddr]>,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One open connection; counted until it is dropped.
pub(super) struct Place {
    peers: Peers,
    address: Option<IpAddr>,
}

impl Peers {
    /// At most `per_peer_max` from one address, apart from this machine and `trusted`.
    pub(super) fn new(per_peer_max: usize, trusted: &[IpAddr]) -> Peers {
        let trusted = trusted.iter().map(IpAddr::to_canonical).collect();
        Peers { per_peer_max, trusted, open: Arc::default() }
    }

    /// A place for one more connection from `address`; `None` when it has too many.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        if address.is_loopback() || self.trusted.contains(&address) {
            return Some(Place { peers: self.clone(), address: None });
        }
        let address = network_of(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.per_peer_max {
            return None;
        }
        *count += 1;
        Some(Place { peers: self.clone(), address: Some(address) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut open = self.peers.open.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get(&address).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            open.remove(&address);
        } else {
            open.insert(address, left);
        }
    }
}

fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_has_its_share_of_connections_and_no_more() {
        let peers = Peers::new(2, &[ip("198.51.100.1")]);
        let held: Vec<_> = (0..2).map(|_| peers.enter(ip("192.0.2.1")).unwrap()).collect();
        assert!(peers.enter(ip("192.0.2.1")).is_none() && peers.enter(ip("::ffff:192.0.2.1")).is_none());
        assert!(peers.enter(ip("192.0.2.2")).is_some());
        drop(held);
        assert!(peers.enter(ip("192.0.2.1")).is_some());
        assert!(peers.open.lock().unwrap().is_empty(), "nobody is remembered who left");
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_this_machine_and_proxies_do_not_count() {
        let peers = Peers::new(1, &[ip("198.51.100.1")]);
        let _held = peers.enter(ip("2001:db8::1")).unwrap();
        assert!(peers.enter(ip("2001:db8::2")).is_none() && peers.enter(ip("2001:db8:0:1::1")).is_some());
        for free in ["127.0.0.1", "::1", "198.51.100.1"] {
            let many: Vec<_> = (0..9).filter_map(|_| peers.enter(ip(free))).collect();
            assert_eq!(many.len(), 9, "{free}");
        }
    }
}
