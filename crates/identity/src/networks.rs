//! Where a session was opened, as far as its owner is shown it and as far as it is kept: the network, without the part of the
//! address that names a household. Its country is looked up when it is shown, in the operator's table.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Bits of an IPv4 address that are kept.
const V4_BITS: u32 = 24;
/// Bits of an IPv6 address that are kept: what a provider gives to a site.
const V6_BITS: u32 = 48;

/// Finds the country of a network address, ISO 3166-1 alpha-2, where the operator's table knows it.
pub type CountryOf = Arc<dyn Fn(IpAddr) -> Option<String> + Send + Sync>;

/// The first part of a network address: 24 bits of IPv4, 48 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an origin, as [`crate::origin_of`] gives it; `None` where the address was not known.
    pub fn of_origin(origin: &str) -> Option<Network> {
        origin.parse().ok().map(Network::of)
    }

    fn of(address: IpAddr) -> Network {
        Network(match address.to_canonical() {
            IpAddr::V4(address) => {
                let kept = u32::MAX << (u32::BITS - V4_BITS);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & kept))
            }
            IpAddr::V6(address) => {
                let kept = u128::MAX << (u128::BITS - V6_BITS);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
            }
        })
    }

    /// Its first address, to look its country up by.
    pub fn first(&self) -> IpAddr {
        self.0
    }
}

/// With a dot for what is not kept: `203.0.113.•`, `2001:db8:85a3:•`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => {
                let [first, second, third, _] = address.octets();
                write!(f, "{first}.{second}.{third}.•")
            }
            IpAddr::V6(address) => {
                let [first, second, third, ..] = address.segments();
                write!(f, "{first:x}:{second:x}:{third:x}:•")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_names_no_household() {
        let shown = |origin: &str| Network::of_origin(origin).map(|network| network.to_string());
        assert_eq!(shown("203.0.113.77").as_deref(), Some("203.0.113.•"));
        assert_eq!(shown("::ffff:203.0.113.77").as_deref(), Some("203.0.113.•"));
        assert_eq!(shown("2001:db8:85a3:8d3::").as_deref(), Some("2001:db8:85a3:•"));
        assert_eq!(shown("unknown"), None);
        assert_eq!(Network::of_origin("203.0.113.77").map(|n| n.first()), "203.0.113.0".parse().ok());
    }
}
