//! Whose request this is, by address: the peer's, or what a proxy of ours says of it.
//!
//! Anybody can write `X-Forwarded-For`. It is read from the right, where our own proxies write, and only as far as they wrote it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The address that a request counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller(pub(super) IpAddr);

impl Caller {
    /// The one behind `peer`, where `proxies` are believed.
    pub(super) fn of(peer: Option<SocketAddr>, headers: &HeaderMap, proxies: &[IpNet]) -> Self {
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
        let ours = |address: &IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
        if !ours(&peer) {
            return Self(peer);
        }
        let lines: Vec<_> =
            headers.get_all("x-forwarded-for").iter().map(|line| line.to_str().unwrap_or("?")).collect();
        let mut last = peer;
        for part in lines.join(",").rsplit(',').map(str::trim) {
            // What cannot be read was written by nobody of ours: whoever passed it on counts.
            let Some(address) = address(part) else { break };
            last = address;
            if !ours(&address) {
                break;
            }
        }
        Self(last)
    }
}

/// An address as proxies write it, some of them with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(peer: &str, forwarded: &[&str]) -> String {
        let proxies: Vec<IpNet> = ["10.0.0.0/8", "::1/128"].map(|net| net.parse().unwrap()).to_vec();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        Caller::of(Some(SocketAddr::new(peer.parse().unwrap(), 1)), &headers, &proxies).0.to_string()
    }

    #[test]
    fn a_stranger_cannot_say_who_they_are() {
        assert_eq!(caller("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(caller("203.0.113.9", &["10.0.0.1"]), "203.0.113.9");
        // Nor through a proxy, which adds what it saw on the right.
        assert_eq!(caller("10.0.0.1", &["198.51.100.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(caller("10.0.0.1", &["198.51.100.1", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(caller("10.0.0.1", &["10.0.0.7, 203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn our_own_proxies_are_looked_through() {
        assert_eq!(caller("10.0.0.1", &["203.0.113.9, 10.0.0.2,10.0.0.3"]), "203.0.113.9");
        assert_eq!(caller("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
        assert_eq!(caller("::1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(caller("::1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(caller("::1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(caller("10.0.0.1", &["10.0.0.5, 10.0.0.2"]), "10.0.0.5");
    }

    #[test]
    fn what_makes_no_sense_counts_for_whoever_passed_it_on() {
        for forwarded in [&[][..], &[""], &["unknown"], &["203.0.113.9, _hidden"], &["203.0.113.9,"]] {
            assert_eq!(caller("10.0.0.1", forwarded), "10.0.0.1", "{forwarded:?}");
        }
        assert_eq!(caller("10.0.0.1", &["203.0.113.9, evil, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(Caller::of(None, &HeaderMap::new(), &[]).0, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    }
}
