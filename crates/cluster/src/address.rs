//! Where nodes listen: [`Address`].

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The port of a scheduler if none is named.
pub const DEFAULT_PORT: u16 = 8786;

/// Where a node listens, or is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// `tcp://host:port`.
    Tcp {
        /// A name or number.
        host: String,
        /// 0 when listening: any that is free.
        port: u16,
    },
    /// `tls://host:port`: the same with certificates.
    Tls {
        /// A name or number.
        host: String,
        /// 0 when listening: any that is free.
        port: u16,
    },
    /// `inproc://name`: within this process, without encoding messages.
    Local(String),
}

/// A text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not an address: {why}; write tcp://host:port, tls://host:port or inproc://name"
)]
pub struct AddressError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Address {
    /// The part before `://`.
    pub fn scheme(&self) -> &'static str {
        match self {
            Address::Local(_) => "inproc",
            Address::Tcp { .. } => "tcp",
            Address::Tls { .. } => "tls",
        }
    }

    /// The host, if there is one.
    pub fn host(&self) -> Option<&str> {
        match self {
            Address::Tcp { host, .. } | Address::Tls { host, .. } => Some(host),
            Address::Local(_) => None,
        }
    }

    /// The port, if there is one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Address::Tcp { port, .. } | Address::Tls { port, .. } => Some(*port),
            Address::Local(_) => None,
        }
    }

    /// Is it certain that only this machine reaches it?
    pub fn is_loopback(&self) -> bool {
        match self.host() {
            None => true,
            Some("localhost") => true,
            Some(host) => host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        }
    }

    /// The same with another host and port. A name within the process stays as it is.
    #[must_use]
    pub fn at(&self, host: &str, port: u16) -> Address {
        match self {
            Address::Tcp { .. } => Address::Tcp { host: host.to_string(), port },
            Address::Tls { .. } => Address::Tls { host: host.to_string(), port },
            Address::Local(name) => Address::Local(name.clone()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Address::Tcp { host, port } => ("tcp", host, port),
            Address::Tls { host, port } => ("tls", host, port),
            Address::Local(name) => return write!(f, "inproc://{name}"),
        };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let error = |why| AddressError { text: text.to_string(), why };
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        if scheme == "inproc" {
            return match rest {
                "" => Err(error("it has no name")),
                name => Ok(Address::Local(name.to_string())),
            };
        }
        let (host, port) = split_host(rest).ok_or_else(|| error("the host is not complete"))?;
        let port = match port {
            None => DEFAULT_PORT,
            Some(port) => {
                port.parse().map_err(|_| error("the port is not a number below 65536"))?
            }
        };
        if host.is_empty() {
            return Err(error("it has no host"));
        }
        let host = host.to_string();
        match scheme {
            "tcp" => Ok(Address::Tcp { host, port }),
            "tls" => Ok(Address::Tls { host, port }),
            _ => Err(error("what stands before :// is not known")),
        }
    }
}

/// Host and port of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_host(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest {
            "" => Some((host, None)),
            _ => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    match text.split_once(':') {
        None => Some((text, None)),
        // More than one colon: a bare IPv6 number.
        Some((_, rest)) if rest.contains(':') => Some((text, None)),
        Some((host, port)) => Some((host, Some(port))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for text in ["tcp://a:1", "tls://10.0.0.1:65535", "tcp://[::1]:0", "inproc://x/1"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("localhost".parse::<Address>().unwrap().to_string(), "tcp://localhost:8786");
        assert_eq!("::1".parse::<Address>().unwrap().to_string(), "tcp://[::1]:8786");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "tcp://", "tcp://a:70000", "udp://a:1", "inproc://", "tcp://[::1"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_recognised() {
        let loopback = |text: &str| text.parse::<Address>().unwrap().is_loopback();
        assert!(loopback("tcp://127.0.0.1:1") && loopback("tcp://[::1]:1"));
        assert!(loopback("localhost:1") && loopback("inproc://a"));
        assert!(!loopback("tcp://0.0.0.0:1") && !loopback("tcp://192.168.0.1:1"));
    }
}
