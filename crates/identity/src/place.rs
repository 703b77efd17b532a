//! Where somebody signs in from, and what tries from there are counted by.

use std::net::{IpAddr, Ipv6Addr};

use crate::buyers::DeviceToken;
use crate::sign_in::Coming;
use crate::text::Label;
use crate::token::Token;

/// Where somebody signs in from.
#[derive(Clone, Debug)]
pub struct Place {
    /// The network address, as tries are counted by; see [`origin_of`].
    pub origin: String,
    /// What the browser or program calls itself.
    pub agent: Label,
    /// The token that a member's device kept from the last time.
    pub device: Option<DeviceToken>,
    /// The session it holds already: it ends when another one is opened there (SES-1).
    pub session: Option<Token>,
}

impl Place {
    pub(crate) fn coming(&self) -> Coming<'_> {
        Coming { agent: &self.agent, origin: &self.origin, device: self.device.as_ref() }
    }
}

/// What tries from an address are counted by: the address itself, or the /64 network of an IPv6 address, which one
/// household has for itself.
pub fn origin_of(address: Option<IpAddr>) -> String {
    match address {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_counted_by_household() {
        let origin = |text: &str| origin_of(Some(text.parse().unwrap()));
        assert_eq!(origin("192.0.2.7"), "192.0.2.7");
        assert_eq!(origin("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(origin("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(origin_of(None), "unknown");
    }
}
