//! The operator's configuration file.

use app::config::Settings;

/// A configuration: read or refused, never a panic, and what is read holds together or says why not.
pub fn config(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(settings) = Settings::parse(text)
    {
        let _ = settings.check();
    }
}
