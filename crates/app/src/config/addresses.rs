//! Addresses of servers that secrets travel to: over TLS, unless they are on this machine.

use super::ConfigError;

/// Whether the host of an address is this machine.
pub(super) fn is_on_this_machine(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// A mail server's address that asks for no less than TLS.
///
/// # Errors
/// [`ConfigError::Conflict`] for one elsewhere whose `tls=` is not `required`.
pub(super) fn check_mail_server(url: String) -> Result<String, ConfigError> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let weaker = query.split('&').any(|pair| pair.starts_with("tls=") && pair != "tls=required");
    if weaker && !is_on_this_machine(&url) {
        return Err(ConfigError::Conflict(
            "smtp_url asks for less than TLS with `tls=`; leave that out, codes and notices travel to the server",
        ));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        for url in ["http://127.0.0.1:1/x", "http://localhost", "http://[::1]:8080/", "smtp://u:p@127.9.9.9"]
        {
            assert!(is_on_this_machine(url), "{url}");
        }
        for url in ["http://localhost.evil.example", "http://127.0.0.1.evil.example/", "http://10.0.0.1", "x"]
        {
            assert!(!is_on_this_machine(url), "{url}");
        }
    }

    #[test]
    fn asvs_12_3_1_mail_elsewhere_cannot_be_asked_to_go_without_tls() {
        let check = |url: &str| check_mail_server(url.to_owned()).is_ok();
        for url in ["smtp://mail.example", "smtps://u:p@mail.example", "smtp://mail.example?tls=required"] {
            assert!(check(url), "{url}");
        }
        for how in ["none", "opportunistic", "", "REQUIRED"] {
            assert!(!check(&format!("smtp://mail.example?tls={how}")), "{how}");
            assert!(!check(&format!("smtp://mail.example?hello_name=x&tls={how}")), "{how}");
            assert!(check(&format!("smtp://127.0.0.1:2525?tls={how}")), "{how}");
        }
    }
}
