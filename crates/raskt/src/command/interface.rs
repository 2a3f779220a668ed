//! The addresses of this machine's network interfaces.

use std::ffi::CStr;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::CommandError;

/// The address of the interface with this name (eth0, ib0), the IPv4 one if it has both.
pub(super) fn address_of(name: &str) -> Result<String, CommandError> {
    let all = addresses()?;
    let found = all.iter().filter(|(of, _)| of == name).map(|(_, address)| address);
    // Those of IPv6 have colons.
    if let Some(address) = found.min_by_key(|address| address.contains(':')) {
        return Ok(address.clone());
    }
    let mut names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let text = format!("there is no network interface {name:?}; there are {}", names.join(", "));
    Err(CommandError::Usage(text))
}

/// Names and addresses of all interfaces.
fn addresses() -> io::Result<Vec<(String, String)>> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the call fills the list, which is given back below.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut next = list;
    // SAFETY: entries are valid until the list is given back, and the last one's next is null.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        // SAFETY: each entry has a name that ends with a zero byte, and its address, if it has
        // one, is of the family that it says.
        let (name, address) = unsafe { (CStr::from_ptr(entry.ifa_name), text_of(entry.ifa_addr)) };
        found.extend(address.map(|address| (name.to_string_lossy().into_owned(), address)));
    }
    // SAFETY: it came from `getifaddrs`, and nothing refers to it any more.
    unsafe { libc::freeifaddrs(list) };
    Ok(found)
}

/// An address in words, if it is one of the internet.
///
/// # Safety
/// It is null or points to an address of the family that it says.
unsafe fn text_of(address: *const libc::sockaddr) -> Option<String> {
    // SAFETY: see above.
    match i32::from(unsafe { address.as_ref() }?.sa_family) {
        libc::AF_INET => {
            // SAFETY: it is of this family.
            let v4 = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)).to_string())
        }
        libc::AF_INET6 => {
            // SAFETY: it is of this family.
            let v6 = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            let v6 = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            // Others are reached with the number of an interface only.
            (!v6.is_unicast_link_local()).then(|| v6.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_loopback_interface() {
        assert_eq!(address_of("lo").unwrap(), "127.0.0.1");
        let error = address_of("nothing7").unwrap_err().to_string();
        assert!(error.contains("nothing7") && error.contains("lo"), "{error}");
    }
}
