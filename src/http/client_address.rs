//! Whose call it is, by address: the peer's, or what a trusted load balancer says of its own peer.

use std::net::IpAddr;

/// The address that limits are counted for. `forwarded` is the `X-Forwarded-For` header: each balancer appends the peer
/// it saw, so the last entry that is not a trusted balancer itself is the caller. Anybody else's header is worth nothing.
#[must_use]
pub fn client_address(peer: IpAddr, forwarded: Option<&str>, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let mut hops = forwarded.unwrap_or_default().split(',').rev().map(|hop| hop.trim().parse::<IpAddr>());
    // An entry that is no address ends the chain: what stands before it was not written by a balancer of ours.
    hops.by_ref().map_while(Result::ok).find(|hop| !trusted.contains(hop)).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_balancer_is_believed_and_only_its_own_last_words() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        let client = |peer: &str, forwarded: Option<&str>| client_address(ip(peer), forwarded, &trusted).to_string();
        assert_eq!(client("203.0.113.9", Some("198.51.100.7")), "203.0.113.9");
        assert_eq!(client("10.0.0.1", Some("198.51.100.7")), "198.51.100.7");
        assert_eq!(client("10.0.0.1", Some("1.2.3.4, 198.51.100.7, 10.0.0.2")), "198.51.100.7");
        assert_eq!(client("10.0.0.1", Some("198.51.100.7, nonsense")), "10.0.0.1");
        assert_eq!(client("10.0.0.1", None), "10.0.0.1");
    }
}
